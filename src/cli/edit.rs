//! `offerctl set`, `unset`, `image` and `edit`: changes of offer files.

use clap::{Args, Subcommand};

use crate::model::OfferKey;

/// Whether the change is written or printed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Rewriting {
    /// Print the change as a patch for `git apply`, and write nothing
    #[arg(long)]
    pub(crate) patch: bool,
}

/// `offerctl set`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl set contoso/service title 'Contoso Service'\n  \
                        offerctl set contoso/service 'plans[basic]/regions' '[DE, NL]'\n  \
                        offerctl set contoso/service description - < description.html\n  \
                        offerctl set contoso/service leadSecret --yaml '!secret env:LEADS'")]
pub(crate) struct SetArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// Address, as a plan shows it, such as `title` or `plans[basic]/regions`
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Value, in the type of the field; `-` reads it from stdin
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: String,
    /// Read the value as YAML, with tags
    #[arg(long)]
    pub(crate) yaml: bool,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// `offerctl unset`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offerctl unset contoso/service 'plans[basic]/skuSummary'")]
pub(crate) struct UnsetArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// Address, as a plan shows it, such as `title` or `plans[basic]/regions`
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// `offerctl image`.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

/// What `offerctl image` does.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Add an image version to a plan and to its generations
    #[command(after_help = "Example:\n  offerctl image add contoso/service basic 1.10.0 \\\n    \
                            --vhd https://contosoimages.blob.core.windows.net/vhds/service-1.10.0.vhd")]
    Add(ImageAddArgs),
    /// Remove all but the newest image versions of a plan and of its generations
    #[command(after_help = "Example:\n  offerctl image prune contoso/service basic --keep 3")]
    Prune(ImagePruneArgs),
}

/// `offerctl image add`.
#[derive(Debug, Args)]
pub(crate) struct ImageAddArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// The plan's id
    #[arg(value_name = "PLAN")]
    pub(crate) plan: String,
    /// The version, such as 1.10.0
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Blob of the operating system's disk; write the address without a signature, `apply` signs it
    #[arg(long, value_name = "URL")]
    pub(crate) vhd: String,
    /// The slot and the blob of a data disk; repeatable
    #[arg(long, value_name = "LUN=URL", value_parser = data_disk)]
    pub(crate) data_disk: Vec<(u32, String)>,
    /// Only this generation, or the plan itself by its id; repeatable [default: the plan and each generation of its
    /// architecture]
    #[arg(long, value_name = "ID")]
    pub(crate) generation: Vec<String>,
    /// The name of the image inside Azure; the generation's id follows it [default: PLAN-VERSION]
    #[arg(long, value_name = "NAME")]
    pub(crate) media_name: Option<String>,
    /// The image in a few words
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// The image in full
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// `offerctl image prune`.
#[derive(Debug, Args)]
pub(crate) struct ImagePruneArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// The plan's id
    #[arg(value_name = "PLAN")]
    pub(crate) plan: String,
    /// How many of the newest versions stay
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) keep: u16,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// `offerctl edit`.
#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: EditCommand,
}

/// What `offerctl edit` does.
#[derive(Debug, Subcommand)]
pub(crate) enum EditCommand {
    /// Add a plan
    #[command(after_help = "Example:\n  offerctl edit add-plan contoso/service premium --like basic")]
    AddPlan(AddPlanArgs),
    /// Remove a plan from the files
    #[command(after_help = "Example:\n  offerctl edit remove-plan contoso/service premium")]
    RemovePlan(RemovePlanArgs),
}

/// `offerctl edit add-plan`.
#[derive(Debug, Args)]
pub(crate) struct AddPlanArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// The new plan's id
    #[arg(value_name = "PLAN")]
    pub(crate) plan: String,
    /// Copy what this plan declares, except its images
    #[arg(long, value_name = "PLAN")]
    pub(crate) like: Option<String>,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// `offerctl edit remove-plan`.
#[derive(Debug, Args)]
pub(crate) struct RemovePlanArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
    /// The plan's id
    #[arg(value_name = "PLAN")]
    pub(crate) plan: String,
    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

fn data_disk(text: &str) -> Result<(u32, String), String> {
    let (lun, url) = text.split_once('=').ok_or("write the slot and the address: 0=https://…")?;
    let lun = lun.parse().map_err(|_| format!("`{lun}` is not a slot; it is a number, such as 0"))?;
    Ok((lun, url.to_owned()))
}

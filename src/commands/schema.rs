//! `offerctl schema`: what is known of offers, for people and editors.

use super::shell::Shell;
use crate::cli::{SchemaArgs, SchemaCommand};
use crate::diagnostic::did_you_mean;
use crate::error::{Error, Exit, Result};
use crate::schema::{Bundle, Schemas, bundle};

pub(super) fn run(shell: &Shell, args: &SchemaArgs) -> Result<Exit> {
    let text = match &args.command {
        SchemaCommand::List => Schemas::builtin().types().map(line).collect(),
        SchemaCommand::Show { offer_type } => {
            let schema = match offer_type.as_deref() {
                None => bundle(Bundle::OfferFile),
                Some(offer_type) => bundle(Bundle::Type(known(offer_type)?)),
            };
            format!("{schema:#}\n")
        }
    };
    shell.to_stdout(&text)?;
    Ok(Exit::Done)
}

fn line(offer_type: &str) -> String {
    let schema = bundle(Bundle::Type(offer_type));
    let title = schema["title"].as_str().unwrap_or_default();
    format!("{offer_type:33} {title}\n")
}

/// Types without a schema of their own are shown the generic one, which is what their offers are read by.
fn known(offer_type: &str) -> Result<&str> {
    let mut types = Schemas::builtin().types();
    if types.any(|name| name == offer_type) || offer_type.starts_with("microsoft-") {
        return Ok(offer_type);
    }
    let near = did_you_mean(offer_type, Schemas::builtin().types());
    let ends = Schemas::builtin().types().find(|name| name.ends_with(offer_type));
    let hint = near.or(ends).map_or_else(
        || "`offerctl schema list` shows the types that have one".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Err(Error::invalid(format!("`{offer_type}` is no offer type")).hint(hint))
}

//! `offerctl publish` and `offerctl go-live`: what the portal holds is taken one step further. Files are not compared;
//! `apply` does that.

use futures_util::future;
use tokio::sync::Semaphore;

use super::connect::Portal;
use super::progress::Progress;
use super::shell::{self, Shell};
use crate::apply::{self, Context, Outcome};
use crate::artifact::Store;
use crate::cli::{PublishArgs, ReleaseArgs};
use crate::diff::ReadSecret;
use crate::error::{Exit, Result};
use crate::model::OfferKey;
use crate::operation::Patience;
use crate::portal::{Approval, Writer};
use crate::report::{Purpose, Report};

pub(super) async fn publish(shell: &Shell, args: &PublishArgs) -> Result<Exit> {
    let mut offers = shell.selection(&args.release.targets.targets)?;
    if !args.notify.is_empty() {
        offers.values_mut().for_each(|notify| notify.clone_from(&args.notify));
    }
    let approval = shell.approve(&args.release.start.consent, question("Publish", offers.keys()), NOTHING).await?;
    run(shell, &args.release, approval, Purpose::Publish, async |context| {
        future::join_all(offers.iter().map(|(key, notify)| apply::publish(key, notify, context))).await
    })
    .await
}

pub(super) async fn go_live(shell: &Shell, args: &ReleaseArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    let approval = shell.approve(&args.start.consent, question("Sign off and take live", keys.iter()), NOTHING).await?;
    run(shell, args, approval, Purpose::GoLive, async |context| {
        future::join_all(keys.iter().map(|key| apply::go_live(key, None, context))).await
    })
    .await
}

async fn run(
    shell: &Shell,
    args: &ReleaseArgs,
    approval: Approval,
    purpose: Purpose,
    work: impl AsyncFnOnce(&Context<'_>) -> Vec<Outcome>,
) -> Result<Exit> {
    let portal = shell.connect().await?;
    let patience = (!args.start.no_wait).then(|| shell::patience(&args.start.waiting, &portal.reader));
    let outcomes = with_context(shell, &portal, approval, patience, (&no_secret, None), work).await;
    let report = Report { purpose, outcomes, traffic: portal.reader.traffic(), ..Report::default() };
    shell.emit_report(&report, portal).await
}

/// Nothing is written, so no secret is read.
pub(super) fn no_secret(_: &crate::model::SecretRef) -> std::result::Result<String, String> {
    Err("no secret is read here".to_owned())
}

/// The question before something is started for these offers.
pub(super) fn question<'a>(doing: &str, keys: impl Iterator<Item = &'a OfferKey>) -> String {
    format!("{doing} {}?", keys.map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// What has not happened without a yes.
pub(super) const NOTHING: &str = "nothing was started";

/// Works on many offers, with progress. The outcomes come in the order of the offers' keys.
pub(super) async fn with_context(
    shell: &Shell,
    portal: &Portal,
    approval: Approval,
    patience: Option<Patience>,
    (secret, store): (&ReadSecret<'_>, Option<&Store>),
    work: impl AsyncFnOnce(&Context<'_>) -> Vec<Outcome>,
) -> Vec<Outcome> {
    let writer = Writer::new(portal.reader.clone(), approval);
    let progress = Progress::new(shell.term);
    let places = Semaphore::new(portal.at_once);
    let context = Context {
        writer: &writer,
        schemas: &shell.schemas,
        secret,
        store,
        patience,
        places: &places,
        stop: &shell.stop,
        tell: &|event| progress.tell(&event),
    };
    let mut outcomes = work(&context).await;
    progress.finish();
    outcomes.sort_by(|a, b| a.key.cmp(&b.key));
    outcomes
}

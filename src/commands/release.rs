//! `offerctl publish` and `offerctl go-live`: what the portal holds is taken one step further. Files are not compared;
//! `apply` does that.

use futures_util::future;

use super::run::{NOTHING, no_secret, question, with_context};
use super::shell::{self, Shell};
use crate::apply::{self, Context, Outcome};
use crate::cli::{PublishArgs, ReleaseArgs};
use crate::error::{Exit, Result};
use crate::portal::Approval;
use crate::report::{Purpose, Report};

pub(super) async fn publish(shell: &Shell, args: &PublishArgs) -> Result<Exit> {
    let mut offers = shell.selection(&args.release.targets.targets)?;
    if !args.notify.is_empty() {
        offers.values_mut().for_each(|notify| notify.clone_from(&args.notify));
    }
    let approval = shell.approve(&args.release.start.consent, question("Publish", offers.keys()), NOTHING).await?;
    release(shell, &args.release, approval, Purpose::Publish, async |context| {
        future::join_all(offers.iter().map(|(key, notify)| apply::publish(key, notify, context))).await
    })
    .await
}

pub(super) async fn go_live(shell: &Shell, args: &ReleaseArgs) -> Result<Exit> {
    let keys = shell.keys(&args.targets.targets)?;
    let approval = shell.approve(&args.start.consent, question("Sign off and take live", keys.iter()), NOTHING).await?;
    release(shell, args, approval, Purpose::GoLive, async |context| {
        future::join_all(keys.iter().map(|key| apply::go_live(key, None, context))).await
    })
    .await
}

async fn release(
    shell: &Shell,
    args: &ReleaseArgs,
    approval: Approval,
    purpose: Purpose,
    work: impl AsyncFnOnce(&Context<'_>) -> Vec<Outcome>,
) -> Result<Exit> {
    shell
        .with_portal(async |portal| {
            let patience = (!args.start.no_wait).then(|| shell::patience(&args.start.waiting, &portal.reader));
            let outcomes = with_context(shell, portal, approval, patience, (&no_secret, None), work).await;
            shell.emit_report(&Report { purpose, outcomes, traffic: portal.reader.traffic(), ..Report::default() })
        })
        .await
}

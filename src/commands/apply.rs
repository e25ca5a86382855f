//! `offerctl apply`: the plan, a yes, and then the work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future;

use super::bases::Bases;
use super::connect::Portal;
use super::secrets::{Secrets, Signer};
use super::shell::{self, Shell};
use super::sinks::Surface;
use super::{artifacts, plan, run as scaffold, since};
use crate::apply::{self, End, Outcome};
use crate::artifact::Store;
use crate::cli::{ApplyArgs, Format};
use crate::diff::Late;
use crate::drift::Applied;
use crate::error::{Error, Exit, Result};
use crate::model::{Digest, OfferKey};
use crate::plan::{Context, Finding, OfferPlan, Plan, SavedPlan, is_fingerprint};
use crate::portal::Approval;
use crate::report::{Purpose, Report};
use crate::workspace::{Desired, Project, environment_name};

pub(super) async fn run(shell: &Shell, args: &ApplyArgs) -> Result<Exit> {
    let saved = saved_plan(args)?;
    let targets = if saved.is_some() { &[][..] } else { &args.targets };
    if args.shard.is_some() && saved.is_none() {
        return Err(Error::invalid("--shard is a share of a saved plan, and none is given")
            .hint("plan with `plan --shard I/N --out FILE`, join with `merge-plans`, and apply that file"));
    }
    let (project, mut loaded) = shell.load_linted(targets)?;
    let since = since::keep_changed(&project, &mut loaded.offers, args.shaping.since.as_deref()).await?;
    let saved = match saved {
        Some(saved) => Some(reassembled(shell, saved, &project, &loaded.offers).await?),
        None => None,
    };
    let portal = shell.connect().await?;
    let plan = match saved {
        Some((plan, made_from)) if made_from == portal.name => Ok(match args.shard {
            Some(shard) => plan.only(shard),
            None => plan,
        }),
        Some((_, made_from)) => {
            let message = format!(
                "the plan was made for the portal {made_from}, but this is {}; nothing was written",
                portal.name
            );
            Err(Error::new(Exit::Refused, message).hint("apply it to that portal, or plan again"))
        }
        None => {
            let keep_unchanged = shell.writes(Format::Json);
            let context = Context { since, ..plan::context(&project, &args.shaping.allow, &portal.name) };
            let against = plan::Against { context, bases: Bases::default(), keep_unchanged };
            plan::make(shell, &args.shaping, &project, &loaded.offers, against, &portal).await
        }
    };
    let exit = match plan {
        Ok(plan) => with_portal(shell, args, &plan, &project, &loaded.offers, &portal).await,
        Err(error) => Err(error),
    };
    let closed = portal.close().await;
    let exit = exit?;
    closed.map(|()| exit)
}

/// Makes a saved plan again with the clock of now, where its sources are the same. Returns the portal that it was made
/// from, too.
async fn reassembled(shell: &Shell, saved: SavedPlan, project: &Project, offers: &[Desired]) -> Result<(Plan, String)> {
    if saved.content.environment != project.environment {
        let made = environment_name(saved.content.environment.as_deref());
        let now = environment_name(project.environment.as_deref());
        return Err(Error::new(
            Exit::Refused,
            format!("the plan was made for {made}, but this is {now}; nothing was written"),
        )
        .hint("pass the --env of the plan, or plan again"));
    }
    same_sources(shell, &saved, project, offers)?;
    let SavedPlan { content, bound, fingerprint } = saved;
    let context = plan::context(project, &bound.accepted, &bound.portal);
    let context = Context { since: content.since.clone(), ..context };
    let plan = plan::assemble(shell, content.into_verdicts(), context).await?;
    if *plan.fingerprint() == fingerprint {
        return Ok((plan, bound.portal));
    }
    let message = format!("the plan is now {}, but {fingerprint} was saved; nothing was written", plan.fingerprint());
    Err(Error::new(Exit::Refused, message).hint("plan again"))
}

async fn with_portal(
    shell: &Shell,
    args: &ApplyArgs,
    plan: &Plan,
    project: &Project,
    offers: &[Desired],
    portal: &Portal,
) -> Result<Exit> {
    if !args.shaping.allow.is_empty() {
        plan::warn_of_unused_tokens(shell, plan);
    }
    let text_to_stdout = shell.stdout_format() == Some(Format::Text);
    if text_to_stdout {
        shell.to_stdout(&plan::text(shell, args.shaping.html_source, plan, shell.stdout_surface()))?;
    }
    if let Some(expected) = &args.expect_plan {
        expect(expected, plan)?;
    }
    let mut report = Report {
        purpose: Purpose::Apply,
        refused: plan.refusals().map(Finding::describe).collect(),
        unchanged: plan.unchanged().iter().map(|unchanged| unchanged.key.clone()).collect(),
        unread: plan.unread().to_vec(),
        portal: portal.name.clone(),
        environment: project.environment.clone(),
        ..Report::default()
    };
    if text_to_stdout && !plan.is_empty() {
        shell.to_stdout("\n")?;
    }
    if let Some(outcomes) = guarded(plan) {
        report.outcomes = outcomes;
    } else if !plan.is_empty() {
        let secrets = shell.secrets.get_or_init(|| {
            let signer = Signer::new(project.config.sas.clone(), portal.reader.loopback().is_some());
            Secrets::new(&project.root, signer)
        });
        available(plan, offers, secrets)?;
        let store = artifacts::store(project, plan)?;
        let approval = approve(shell, args, plan).await?;
        report.outcomes =
            carry_out(shell, args, plan, offers, Means { secrets, store: store.as_ref() }, portal, approval).await;
    }
    report.applied = applied(shell, plan, offers, &mut report.outcomes);
    report.traffic = portal.reader.traffic();
    let silent = text_to_stdout && plan.is_empty() && plan.unread().is_empty();
    let places = shell.places(offers);
    shell.emit(&|format, color| match format {
        Format::Text if silent => String::new(),
        format => scaffold::show_report(shell, &report, &places, (format, color)),
    })?;
    Ok(report.exit())
}

/// The offers that now are as the files say, in the order of their keys.
fn applied(shell: &Shell, plan: &Plan, offers: &[Desired], outcomes: &mut [Outcome]) -> Vec<Applied> {
    let by_key = offers.iter().map(|desired| (&desired.key, desired)).collect::<BTreeMap<_, _>>();
    let unchanged = plan.unchanged().iter().filter_map(|offer| {
        let desired = by_key.get(&offer.key)?;
        Applied::unchanged(desired, offer.base.as_ref()?, shell.schemas.shape(&desired.offer_type))
    });
    let written = outcomes.iter_mut().filter_map(|outcome| outcome.applied.take().map(|applied| *applied));
    let mut all = unchanged.chain(written).collect::<Vec<_>>();
    all.sort_by(|a, b| a.offer.cmp(&b.offer));
    all
}

/// A single target that is a JSON file is a saved plan.
fn saved_plan(args: &ApplyArgs) -> Result<Option<SavedPlan>> {
    let is_plan = |target: &&String| Path::new(target).extension().is_some_and(|extension| extension == "json");
    let Some(target) = args.targets.iter().find(is_plan) else { return Ok(None) };
    let path = Path::new(target);
    if args.targets.len() > 1 {
        return Err(Error::invalid(format!("a saved plan ({target}) must be the only target")));
    }
    if args.shaping.through.is_some()
        || !args.shaping.allow.is_empty()
        || args.shaping.resend
        || args.shaping.no_artifacts
        || args.shaping.since.is_some()
    {
        return Err(Error::invalid(
            "a saved plan cannot be changed; pass --through, --allow, --resend, --no-artifacts and --since to `plan \
                --out`",
        ));
    }
    let saved = plan::read_saved(path)?;
    if let Some(shard) = saved.content.shard.filter(|shard| shard.of > 1) {
        let message =
            format!("{target} is the plan of shard {shard}, and guards look at the whole; nothing was written");
        return Err(Error::new(Exit::Refused, message)
            .hint("join the plans of all shards with `offerctl merge-plans`, and apply that plan"));
    }
    match &saved.content.snapshot {
        None => Ok(Some(saved)),
        Some(taken) => {
            let message = format!(
                "{target} was planned against a snapshot of {}, not against the portal; nothing was written",
                taken.portal
            );
            Err(Error::new(Exit::Refused, message).hint(
                "plan against the portal: `offerctl plan --out FILE` without --live; the same plan has the \
                    same fingerprint",
            ))
        }
    }
}

/// A saved plan stands for the files, settings and schemas that it was made from; its secrets are read from them.
fn same_sources(shell: &Shell, saved: &SavedPlan, project: &Project, offers: &[Desired]) -> Result<()> {
    let by_key = offers.iter().map(|desired| (&desired.key, desired)).collect::<BTreeMap<_, _>>();
    let mut changed = BTreeSet::new();
    for offer in &saved.content.offers {
        let Some(desired) = by_key.get(&offer.key) else {
            changed.insert(format!("{} is no longer declared", offer.key));
            continue;
        };
        let of = |files: &[(String, Digest)], other: &[(String, Digest)]| {
            let new = files.iter().filter(|file| !other.contains(file));
            new.map(|(path, _)| format!("{path} changed since the plan was made")).collect::<Vec<_>>()
        };
        changed.extend(of(&offer.files, &desired.files));
        changed.extend(of(&desired.files, &offer.files));
    }
    changed.extend(saved.bound.changed(&plan::bound(
        shell,
        project,
        &saved.content.offers,
        saved.bound.portal.clone(),
    )));
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed.into_iter().collect::<Vec<_>>().join("; ");
    Err(Error::new(Exit::Refused, format!("{changed}; nothing was written")).hint("plan again"))
}

/// Makes sure that secrets can be read and new addresses signed: a missing one is found before the first write, not
/// after some.
fn available(plan: &Plan, offers: &[Desired], secrets: &Secrets) -> Result<()> {
    let (mut unread, mut unsigned) = (Vec::new(), BTreeSet::new());
    for desired in offers {
        let Some(planned) = plan.offer(&desired.key).filter(|offer| offer.write().is_some()) else { continue };
        desired.document.secrets(&mut |reference, span| {
            if let Err(reason) = secrets.get(reference) {
                unread.push(format!("{reference} ({}:{}): {reason}", desired.sources.of(span).path, span.line));
            }
        });
        for address in planned.signed() {
            if let Err(reason) = secrets.signed(address) {
                unsigned.insert(format!("{address} ({}): {reason}", planned.path()));
            }
        }
    }
    let all = |what: &str, found: Vec<String>| (!found.is_empty()).then(|| format!("{what}: {}", found.join("; ")));
    let unread = all("secrets cannot be read", unread);
    let unsigned = all("addresses cannot be signed", unsigned.into_iter().collect());
    match unread.into_iter().chain(unsigned).collect::<Vec<_>>().as_slice() {
        [] => Ok(()),
        missing => Err(Error::invalid(format!("{}; nothing was written", missing.join("; ")))),
    }
}

/// The plan that was approved is the one that is carried out.
fn expect(expected: &str, plan: &Plan) -> Result<()> {
    let fingerprint = plan.fingerprint();
    if is_fingerprint(expected, fingerprint) {
        return Ok(());
    }
    let message = format!("the plan is now {fingerprint}, but {expected} was expected; nothing was written");
    let hint = "the portal or the files changed since the approval; run `offerctl plan`, and approve the new plan";
    Err(Error::new(Exit::Refused, message).hint(hint))
}

/// What becomes of every offer when a guard stops the plan: nothing is begun.
fn guarded(plan: &Plan) -> Option<Vec<Outcome>> {
    let outcomes = plan.offers().iter().map(|offer| {
        let findings =
            offer.refusals().filter(|finding| finding.token.is_some()).map(Finding::describe).collect::<Vec<_>>();
        let end = if findings.is_empty() { End::NotAttempted } else { End::Guarded(findings) };
        Outcome { key: offer.key.clone(), done: Vec::new(), end, applied: None }
    });
    let outcomes = outcomes.collect::<Vec<_>>();
    let any = plan.refusals().next().is_some() || outcomes.iter().any(|outcome| matches!(outcome.end, End::Guarded(_)));
    any.then_some(outcomes)
}

async fn approve(shell: &Shell, args: &ApplyArgs, plan: &Plan) -> Result<Approval> {
    let asks = !args.start.consent.yes && shell.term.interactive;
    if asks && shell.stdout_format() != Some(Format::Text) {
        let surface = Surface { color: shell.term.stderr_color, width: None };
        shell.term.alert(&plan::text(shell, args.shaping.html_source, plan, surface));
    }
    let question = format!("Apply plan {}?", plan.fingerprint().short());
    shell.approve(&args.start.consent, question, "nothing was written").await
}

/// What bodies are made with.
#[derive(Clone, Copy)]
struct Means<'a> {
    secrets: &'a Secrets,
    store: Option<&'a Store>,
}

async fn carry_out(
    shell: &Shell,
    args: &ApplyArgs,
    plan: &Plan,
    offers: &[Desired],
    means: Means<'_>,
    portal: &Portal,
    approval: Approval,
) -> Vec<Outcome> {
    let by_key = offers.iter().map(|desired| (&desired.key, desired)).collect::<BTreeMap<&OfferKey, &Desired>>();
    let work = plan.offers().iter().filter_map(|offer| by_key.get(&offer.key).map(|desired| (offer, *desired)));
    let work = work.collect::<Vec<(&OfferPlan, &Desired)>>();
    let patience = (!args.start.no_wait).then(|| shell::patience(&args.start.waiting, &portal.reader));
    let late = |late: Late<'_>| match late {
        Late::Secret(reference) => means.secrets.get(reference),
        Late::Signed(address) => means.secrets.signed(address),
    };
    scaffold::with_context(shell, portal, approval, patience, (&late, means.store), async |context| {
        future::join_all(work.into_iter().map(|(offer, desired)| apply::offer(offer, desired, context))).await
    })
    .await
}

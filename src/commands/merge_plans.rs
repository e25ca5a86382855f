//! `offerctl merge-plans`: one plan of those of all shards, with the guards applied to the whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::plan;
use super::shell::Shell;
use super::sinks::write_sealed;
use crate::cli::MergePlansArgs;
use crate::error::{Error, Exit, Result};
use crate::plan::{Bound, Context, SavedPlan, Since};
use crate::workspace::environment_name;

const AGAIN: &str = "plan every shard again, at one revision and with the same options";

pub(super) async fn run(shell: &Shell, args: &MergePlansArgs) -> Result<Exit> {
    let project = shell.usable_project()?;
    let plans = args.plans.iter().map(|path| plan::read_saved(path)).collect::<Result<Vec<_>>>()?;
    let bound = check(&args.plans, &plans)?;
    let first = &plans[0].content;
    if first.environment != project.environment {
        let made = environment_name(first.environment.as_deref());
        let now = environment_name(project.environment.as_deref());
        return Err(Error::new(Exit::Refused, format!("the plans are of {made}, and this is {now}"))
            .hint("give the --env of the plans"));
    }
    let offers = plans.iter().flat_map(|plan| &plan.content.offers).cloned().collect::<Vec<_>>();
    let changed = bound.changed(&plan::bound(shell, &project, &offers, bound.portal.clone()));
    if !changed.is_empty() {
        return Err(Error::new(Exit::Refused, changed.join("; ")).hint("plan every shard again"));
    }
    let context = Context {
        since: since(&plans)?,
        snapshot: first.snapshot.clone(),
        ..plan::context(&project, &bound.accepted, &bound.portal)
    };
    let verdicts = plans.into_iter().flat_map(|plan| plan.content.into_verdicts()).collect();
    let merged = plan::assemble(shell, verdicts, context).await?;
    plan::warn_of_unused_tokens(shell, &merged);
    write_sealed(&args.out, &SavedPlan::write(&merged, &bound))?;
    let path = args.out.display();
    shell.term.say(&format!("Plan saved to {path}; `offerctl apply {path}` carries it out."));
    let exit = plan::exit(&merged, false);
    let files = merged.offers().iter().map(|offer| (offer.key.clone(), offer.path().to_owned()));
    let places = shell.places_of(files);
    plan::emit(shell, &merged, &places, args.reading, false, exit)?;
    Ok(exit)
}

/// Checks that the plans are those of all shards, each once, made under the same circumstances. Returns what the whole is
/// bound to.
fn check(paths: &[PathBuf], plans: &[SavedPlan]) -> Result<Bound> {
    let refused = |message: String, hint: &str| Err(Error::new(Exit::Refused, message).hint(hint));
    let mut shards = BTreeMap::new();
    let mut all: Option<(&Path, u16, Bound)> = None;
    for (path, plan) in paths.iter().zip(plans) {
        let shown = path.display();
        let Some(shard) = plan.content.shard else {
            return refused(format!("{shown} is not the plan of a shard"), "save it by `plan --shard I/N --out FILE`");
        };
        let Some((first, of, bound)) = &mut all else {
            shards.insert(shard.index, path);
            all = Some((path, shard.of, plan.bound.clone()));
            continue;
        };
        if *of != shard.of {
            let message = format!("{} is of {of} shards, and {shown} is of {}", first.display(), shard.of);
            return refused(message, AGAIN);
        }
        if let Some(other) = shards.insert(shard.index, path) {
            let message = format!("{} and {shown} are both the plan of shard {shard}", other.display());
            return refused(message, "give each shard once");
        }
        if let Some(what) = differs(bound, &plans[0], plan) {
            return refused(format!("{} and {shown} were made with different {what}", first.display()), AGAIN);
        }
        bound.schemas.extend(plan.bound.schemas.clone());
        bound.accepted.extend(plan.bound.accepted.iter().cloned());
    }
    let (_, of, bound) = all.ok_or_else(|| Error::invalid("there is no plan to merge"))?;
    let missing = (1..=of).filter(|index| !shards.contains_key(index)).map(|index| format!("{index}/{of}"));
    match missing.collect::<Vec<_>>().as_slice() {
        [] => Ok(bound),
        missing => {
            refused(format!("the plan of shard {} is missing", missing.join(", ")), "give the plans of all shards")
        }
    }
}

/// What two plans were made with that is not the same. `bound` is what all plans before were bound to.
fn differs(bound: &Bound, first: &SavedPlan, plan: &SavedPlan) -> Option<&'static str> {
    let schemas = &plan.bound.schemas;
    let taken = |plan: &SavedPlan| plan.content.snapshot.as_ref().map(|taken| taken.taken.clone());
    if bound.portal != plan.bound.portal {
        Some("portals")
    } else if bound.settings != plan.bound.settings {
        Some("settings")
    } else if first.content.environment != plan.content.environment {
        Some("environments")
    } else if schemas.iter().any(|(name, digest)| bound.schemas.get(name).is_some_and(|was| was != digest)) {
        Some("schemas")
    } else if taken(first) != taken(plan) {
        Some("snapshots")
    } else {
        None
    }
}

/// What was left out of all of them, if they are of one revision.
fn since(plans: &[SavedPlan]) -> Result<Option<Since>> {
    let mut all = plans.iter().map(|plan| &plan.content.since);
    let mut sum = all.next().cloned().flatten();
    for one in all {
        match (&mut sum, one) {
            (None, None) => {}
            (Some(sum), Some(one)) if sum.revision == one.revision => sum.left_out += one.left_out,
            _ => {
                let message = "the plans are not of the files since one revision";
                return Err(Error::new(Exit::Refused, message).hint(AGAIN));
            }
        }
    }
    Ok(sum)
}

//! `offerctl plan`: what apply would do. It holds no writer.

use super::artifacts::Looking;
use super::connect::Portal;
use super::shell::{Shell, write_whole};
use super::{observe, since, snapshot};
use crate::cli::{Format, PlanArgs, Shaping};
use crate::diagnostic::Severity;
use crate::error::{Error, Exit, Result};
use crate::lint;
use crate::plan::{Choices, Plan, ReleaseStep, SavedPlan};
use crate::render::{self, Paint, PlanOptions};
use crate::workspace::{Desired, Project};

pub(super) async fn run(shell: &Shell, args: &PlanArgs) -> Result<Exit> {
    let (project, mut loaded) = shell.load_linted(&args.targets.targets)?;
    let since = match &args.since {
        Some(rev) => Some(since::keep_changed(&project, &mut loaded.offers, rev).await?),
        None => None,
    };
    let (mut plan, name) = match &args.live {
        Some(file) => {
            let (from, taken) = snapshot::read(shell, file)?;
            let choices = choices(&args.shaping);
            let plan = snapshot::make_plan(shell, &loaded.offers, &choices, args.shaping.no_artifacts, &from);
            (Plan { snapshot: Some(taken), ..plan }, from.portal)
        }
        None => {
            let portal = shell.connect().await?;
            let plan = make(shell, &args.shaping, &project, &loaded.offers, &portal).await;
            let name = portal.name.clone();
            portal.close().await?;
            (plan?, name)
        }
    };
    plan.since = since;
    accept(shell, &args.shaping, &mut plan);
    if let Some(path) = &args.out {
        write_whole(path, &SavedPlan::write(&plan, &name))?;
        let path = path.display();
        shell.term.say(&match &plan.snapshot {
            Some(_) => format!("Plan saved to {path}, to be read: it is of a snapshot, and apply refuses it."),
            None => format!("Plan saved to {path}; `offerctl apply {path}` carries it out."),
        });
    }
    shell.emit(&|format, color| show(shell, &plan, format, color))?;
    Ok(exit(&plan, args.detailed_exitcode))
}

/// Reads the portal, and the files behind artifacts unless they are left out, and decides.
pub(super) async fn make(
    shell: &Shell,
    shaping: &Shaping,
    project: &Project,
    offers: &[Desired],
    portal: &Portal,
) -> Result<Plan> {
    let choices = choices(shaping);
    let looking = if shaping.no_artifacts { None } else { Some(Looking::new(project, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let made = observe::make_plan(shell, &portal.reader, offers, &choices, looker, portal.at_once);
    let plan = shell.until_stopped(async { Ok(made.await) }).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    tell_ignored_notify(shell, project, offers, &plan)?;
    Ok(plan)
}

/// Says of each offer that is published whom the portal will not tell of it. Only here is known how the portal keeps it.
fn tell_ignored_notify(shell: &Shell, project: &Project, offers: &[Desired], plan: &Plan) -> Result<()> {
    let published = plan.offers.iter().filter(|offer| offer.release.contains(&ReleaseStep::Publish));
    let mut found = published
        .filter_map(|planned| {
            let at = offers.binary_search_by(|desired| desired.key.cmp(&planned.key)).ok()?;
            lint::notify_ignored(&offers[at], planned.profile)
        })
        .collect::<Vec<_>>();
    project.config.lints.apply(&mut found);
    if found.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Error::invalid("a lint that is an error in this project").with(found));
    }
    shell.term.alert_text(&render::diagnostics(&found, shell.term.stderr_color));
    Ok(())
}

fn choices(shaping: &Shaping) -> Choices {
    Choices { through: shaping.through.map(Into::into), resend: shaping.resend }
}

/// Accepts the findings that the command line accepts. A token that accepts nothing is a slip, or a finding that is
/// gone.
pub(super) fn accept(shell: &Shell, shaping: &Shaping, plan: &mut Plan) {
    for (token, forms) in plan.accept(&shaping.allow.iter().cloned().collect()) {
        let why = match forms.as_slice() {
            [] => "accepts nothing in this plan".to_owned(),
            forms => format!("fits several offers and accepts none; give {}", forms.join(" or ")),
        };
        shell.term.say(&format!("warning: --allow {token} {why}"));
    }
}

pub(super) fn show(shell: &Shell, plan: &Plan, format: Format, color: bool) -> String {
    match format {
        Format::Json => render::plan_json(plan),
        Format::Text => {
            let options = PlanOptions { paint: Paint { color }, verbose: shell.global.verbose > 0 };
            format!("{}{}", render::plan(plan, options), render::scope(plan))
        }
    }
}

/// A plan that is not whole is no success, whatever else was asked for.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    let totals = plan.totals();
    match (plan.unread.as_slice(), detailed) {
        ([], true) if !plan.is_empty() => Exit::Changes,
        ([], _) => Exit::Done,
        (_, _) if totals.unchanged + plan.offers.len() > 0 => Exit::Partial,
        (unread, _) if unread.iter().all(|unread| unread.denied) => Exit::Denied,
        _ => Exit::Failed,
    }
}

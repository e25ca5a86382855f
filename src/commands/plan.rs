//! `offerctl plan`: what apply would do. It holds no writer.

use std::collections::BTreeSet;

use super::artifacts::Looking;
use super::connect::Portal;
use super::shell::Shell;
use super::sinks::{Surface, write_sealed};
use super::{observe, since, snapshot};
use crate::cli::{Format, PlanArgs, Shaping};
use crate::diagnostic::Severity;
use crate::error::{Error, Exit, Result};
use crate::lint;
use crate::plan::{self, Bound, Choices, Plan, ReleaseStep, SavedPlan};
use crate::render::{self, MarkdownOptions, Paint, PlanOptions};
use crate::rules;
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
            let choices = choices(&args.shaping, &project, args.out.is_some());
            let mut plan = snapshot::make_plan(shell, &loaded.offers, &choices, args.shaping.no_artifacts, &from);
            weigh(&mut plan, &project, &loaded.offers);
            (Plan { snapshot: Some(taken), ..plan }, from.portal)
        }
        None => {
            let portal = shell.connect().await?;
            let plan = make(shell, &args.shaping, &project, &loaded.offers, &portal, args.out.is_some()).await;
            let name = portal.name.clone();
            portal.close().await?;
            (plan?, name)
        }
    };
    plan.since = since;
    accept(shell, &args.shaping, &mut plan);
    if let Some(path) = &args.out {
        let accepted = args.shaping.allow.iter().cloned().collect();
        let bound = Bound { accepted, ..bound(shell, &project, &plan, name) };
        write_sealed(path, &SavedPlan::write(&plan, &bound))?;
        let path = path.display();
        shell.term.say(&match &plan.snapshot {
            Some(_) => format!("Plan saved to {path}, to be read: it is of a snapshot, and apply refuses it."),
            None => format!("Plan saved to {path}; `offerctl apply {path}` carries it out."),
        });
    }
    let exit = exit(&plan, args.detailed_exitcode);
    let places = shell.places(&loaded.offers);
    let options = reading(shell, args, &project);
    shell.emit_on(&|format, surface| match format {
        Format::Text => text(shell, &args.shaping, &plan, surface),
        Format::Markdown => render::plan_markdown(&plan, options),
        Format::Html => render::plan_html(&plan, args.shaping.html_source),
        Format::Json => render::plan_json(&plan),
        Format::Sarif => render::sarif::plan(&plan, &places, exit),
        Format::Junit => render::junit::plan(&plan, &places),
        Format::Github => render::github::plan(&plan, &places),
    })?;
    Ok(exit)
}

/// Reads the portal, and the files behind artifacts unless they are left out, and decides.
pub(super) async fn make(
    shell: &Shell,
    shaping: &Shaping,
    project: &Project,
    offers: &[Desired],
    portal: &Portal,
    keep_unchanged: bool,
) -> Result<Plan> {
    let choices = choices(shaping, project, keep_unchanged);
    let looking = if shaping.no_artifacts { None } else { Some(Looking::new(project, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let made = observe::make_plan(shell, &portal.reader, offers, &choices, looker, portal.at_once);
    let mut plan = shell.until_stopped(async { Ok(made.await) }).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    tell_ignored_notify(shell, project, offers, &plan)?;
    weigh(&mut plan, project, offers);
    Ok(plan)
}

/// Judges what no offer shows by itself, and by the users' own rules.
fn weigh(plan: &mut Plan, project: &Project, offers: &[Desired]) {
    plan.weigh(&project.config.guards);
    rule(plan, project, offers);
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

/// What was read of unchanged offers is kept where the result can be the base of a later look for drift.
pub(super) fn choices(shaping: &Shaping, project: &Project, keep_unchanged: bool) -> Choices {
    let guards = project.config.guards.clone();
    let closed = closed(project);
    Choices { through: shaping.through.map(Into::into), resend: shaping.resend, guards, closed, keep_unchanged }
}

/// Why nothing may go live now, if so.
pub(super) fn closed(project: &Project) -> Option<String> {
    project.config.guards.closed(jiff::Timestamp::now())
}

/// Judges the plan by the users' own rules.
fn rule(plan: &mut Plan, project: &Project, offers: &[Desired]) {
    let rules = &project.config.rules;
    if rules.is_empty() {
        return;
    }
    let seen = plan.offers.iter().map(render::plan_of_offer).collect();
    for (offer, findings) in plan.offers.iter_mut().zip(rules::findings(rules, seen, rules::PATIENCE)) {
        let desired = offers.iter().find(|desired| desired.key == offer.key);
        offer.object(findings, desired.map_or(&[], |desired| &desired.reconcile.allow));
    }
}

/// What a plan stands and falls with, as it is now.
pub(super) fn bound(shell: &Shell, project: &Project, plan: &Plan, portal: String) -> Bound {
    let types = plan.offers.iter().map(|offer| offer.offer_type.as_str());
    Bound {
        portal,
        settings: project.config.digests().map(|(name, digest)| (name.to_owned(), digest)).into(),
        schemas: Bound::schemas(types.map(|offer_type| (offer_type, shell.schemas.shape(offer_type)))),
        accepted: BTreeSet::new(),
    }
}

/// Accepts the findings that the command line accepts. A token that accepts nothing is a slip, or a finding that is
/// gone.
pub(super) fn accept(shell: &Shell, shaping: &Shaping, made: &mut Plan) {
    for (token, forms) in made.accept(&shaping.allow.iter().cloned().collect()) {
        let why = match forms.as_slice() {
            // A saved plan is applied later, and then it may.
            [] if token.ends_with(plan::OUTSIDE_WINDOW) => continue,
            [] => "accepts nothing in this plan".to_owned(),
            forms => format!("fits several offers and accepts none; give {}", forms.join(" or ")),
        };
        shell.term.say(&format!("warning: --allow {token} {why}"));
    }
}

/// How a comment is set.
fn reading(shell: &Shell, args: &PlanArgs, project: &Project) -> MarkdownOptions {
    MarkdownOptions {
        limit: args.markdown_limit.or(project.config.markdown_limit).unwrap_or(MarkdownOptions::LIMIT),
        html_source: args.shaping.html_source,
        verbose: shell.global.verbose > 0,
    }
}

/// The plan for a place that takes colour or has a width.
pub(super) fn text(shell: &Shell, shaping: &Shaping, plan: &Plan, surface: Surface) -> String {
    let options = PlanOptions {
        paint: Paint { color: surface.color },
        verbose: shell.global.verbose > 0,
        html_source: shaping.html_source,
        width: surface.width,
    };
    render::plan(plan, options)
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

//! `offerctl plan`: what apply would do. It holds no writer.

use std::collections::BTreeSet;

use super::artifacts::Looking;
use super::bases::Bases;
use super::connect::Portal;
use super::shell::Shell;
use super::sinks::{Surface, write_sealed};
use super::{observe, since, snapshot};
use crate::cli::{Format, PlanArgs, Shaping};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Error, Exit, Fate, Result};
use crate::lint;
use crate::model::OfferKey;
use crate::plan::{
    self, AssembleError, Bound, Choices, Context, OfferPlan, Plan, ReleaseStep, SavedPlan, Since, Verdict,
};
use crate::redact;
use crate::render::{self, MarkdownOptions, Paint, PlanOptions};
use crate::workspace::{Desired, Project};

pub(super) async fn run(shell: &Shell, args: &PlanArgs) -> Result<Exit> {
    let (project, mut loaded) = shell.load_linted(&args.targets.targets)?;
    let since = since::keep_changed(&project, &mut loaded.offers, args.shaping.since.as_deref()).await?;
    let keep_unchanged = args.out.is_some();
    let bases = Bases::read(shell, &project, &args.base).await?;
    tell_baseless(shell, &bases, &loaded.offers);
    let (plan, name) = match &args.live {
        Some(file) => {
            let (from, taken) = snapshot::read(shell, file)?;
            let choices = choices(&args.shaping, &project, keep_unchanged);
            bases.check_portal(&from.portal)?;
            let decided = snapshot::verdicts(shell, &loaded.offers, &choices, args.shaping.no_artifacts, &bases, &from);
            let verdicts = decided.await?;
            let context = Context {
                since,
                snapshot: Some(taken),
                bases: bases.names(),
                ..context(&project, &args.shaping.allow)
            };
            let plan = assemble(shell, verdicts, context).await?;
            tell(shell, &project, ending(shell, &loaded.offers, &plan))?;
            (plan, from.portal.clone())
        }
        None => {
            let portal = shell.connect().await?;
            let plan = match bases.check_portal(&portal.name) {
                Ok(()) => {
                    let against = Against { since, bases, keep_unchanged };
                    make(shell, &args.shaping, &project, &loaded.offers, against, &portal).await
                }
                Err(error) => Err(error),
            };
            let name = portal.name.clone();
            portal.close().await?;
            (plan?, name)
        }
    };
    warn_of_unused_tokens(shell, &plan);
    if let Some(path) = &args.out {
        let accepted = args.shaping.allow.iter().cloned().collect();
        let bound = Bound { accepted, ..bound(shell, &project, plan.offers(), name) };
        write_sealed(path, &SavedPlan::write(&plan, &bound))?;
        let path = path.display();
        shell.term.say(&match plan.snapshot() {
            Some(_) => format!("Plan saved to {path}, to be read: it is of a snapshot, and apply refuses it."),
            None => format!("Plan saved to {path}; `offerctl apply {path}` carries it out."),
        });
    }
    let exit = exit(&plan, args.detailed_exitcode);
    let places = shell.places(&loaded.offers);
    let options = reading(shell, args, &project);
    shell.emit_on(&|format, surface| match format {
        Format::Text | Format::Yaml => text(shell, &args.shaping, &plan, surface),
        Format::Markdown => render::plan_markdown(&plan, options),
        Format::Html => render::plan_html(&plan, args.shaping.html_source),
        Format::Json => render::plan_json(&plan),
        Format::Sarif => render::sarif::plan(&plan, &places, exit),
        Format::Junit => render::junit::plan(&plan, &places),
        Format::Github => render::github::plan(&plan, &places),
    })?;
    Ok(exit)
}

/// What else shapes a plan that is made of the portal.
#[derive(Default)]
pub(super) struct Against {
    pub(super) since: Option<Since>,
    pub(super) bases: Bases,
    /// See [`Choices::keep_unchanged`].
    pub(super) keep_unchanged: bool,
}

/// Names the offers of which no base tells: their edits in the portal are not marked.
fn tell_baseless(shell: &Shell, bases: &Bases, offers: &[Desired]) {
    for desired in offers {
        if let Err(Some(why)) = bases.of(desired) {
            let key = &desired.key;
            shell.term.say(&format!("warning: {key}: edits in the portal are not marked: {}", redact::text(&why)));
        }
    }
}

/// Reads the portal, and the files behind artifacts unless they are left out, and makes the plan.
pub(super) async fn make(
    shell: &Shell,
    shaping: &Shaping,
    project: &Project,
    offers: &[Desired],
    Against { since, bases, keep_unchanged }: Against,
    portal: &Portal,
) -> Result<Plan> {
    let choices = choices(shaping, project, keep_unchanged);
    let looking = if shaping.no_artifacts { None } else { Some(Looking::new(&shell.global, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let decided = observe::verdicts(shell, &portal.reader, offers, &choices, &bases, looker, portal.at_once);
    let verdicts = shell.until_stopped(async { Ok(decided.await) }).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    let plan =
        assemble(shell, verdicts, Context { since, bases: bases.names(), ..context(project, &shaping.allow) }).await?;
    tell(shell, project, [ignored_notify(offers, &plan), ending(shell, offers, &plan)].concat())?;
    Ok(plan)
}

/// Makes the plan away from the threads that read: the project's rules may take a while.
pub(super) async fn assemble(shell: &Shell, verdicts: Vec<Verdict>, context: Context) -> Result<Plan> {
    let work = tokio::task::spawn_blocking(move || plan::assemble(verdicts, context));
    let made = shell.until_stopped(async { Ok(work.await) }).await?;
    let made = made.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    made.map_err(|error| match error {
        AssembleError::Rules(_) => Error::invalid(error.to_string())
            .hint("let the rule range over fewer or shorter lists, or plan fewer offers at once"),
        AssembleError::Json(_) => Error::failed(error.to_string()),
    })
}

/// What the project and the clock say of a plan, with the tokens of the command line.
pub(super) fn context<'a>(project: &Project, accepted: impl IntoIterator<Item = &'a String>) -> Context {
    let guards = project.config.guards.clone();
    let closed = guards.closed(jiff::Timestamp::now());
    let accepted = accepted.into_iter().cloned().collect();
    Context {
        guards,
        closed,
        rules: project.config.rules.clone(),
        accepted,
        since: None,
        snapshot: None,
        environment: project.environment.clone(),
        bases: Vec::new(),
    }
}

/// Says of each offer that is published whom the portal will not tell of it. Only here is known how the portal keeps it.
fn ignored_notify(offers: &[Desired], plan: &Plan) -> Vec<Diagnostic> {
    let published = plan.offers().iter().filter(|offer| offer.release.contains(&ReleaseStep::Publish));
    let found = published.filter_map(|planned| lint::notify_ignored(of(offers, &planned.key)?, planned.profile));
    found.collect()
}

fn of<'a>(offers: &'a [Desired], key: &OfferKey) -> Option<&'a Desired> {
    offers.binary_search_by(|desired| desired.key.cmp(key)).ok().map(|at| &offers[at])
}

/// Finds the live signatures of declared blobs that end soon. Only the portal has them.
fn ending(shell: &Shell, offers: &[Desired], plan: &Plan) -> Vec<Diagnostic> {
    let now = jiff::Timestamp::now();
    let changed = plan.offers().iter().map(|offer| (&offer.key, &offer.diff));
    let all = changed.chain(plan.unchanged().iter().map(|offer| (&offer.key, &offer.diff)));
    let found = all.filter(|(_, diff)| !diff.signatures.is_empty()).filter_map(|(key, diff)| {
        let desired = of(offers, key)?;
        let live = diff.signatures.iter().map(|one| (&one.address, one.ends.as_deref())).collect();
        Some(lint::live_signatures(desired, &live, shell.schemas.shape(&desired.offer_type), now))
    });
    found.flatten().collect()
}

/// Shows what lints found beside a plan, each at the level of the project.
fn tell(shell: &Shell, project: &Project, mut found: Vec<Diagnostic>) -> Result<()> {
    project.config.lints.apply(&mut found);
    if found.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Error::invalid("a lint that is an error in this project").with(found));
    }
    shell.term.alert_text(&render::diagnostics(&found, shell.term.stderr_color));
    Ok(())
}

/// What was read of unchanged offers is kept where the result can be the base of a later look for drift.
fn choices(shaping: &Shaping, project: &Project, keep_unchanged: bool) -> Choices {
    let limits = project.config.guards.limits;
    Choices { through: shaping.through, resend: shaping.resend, limits, keep_unchanged }
}

/// What a plan of these offers stands and falls with, as it is now.
pub(super) fn bound(shell: &Shell, project: &Project, offers: &[OfferPlan], portal: String) -> Bound {
    let types = offers.iter().map(|offer| offer.offer_type.clone()).collect::<BTreeSet<_>>();
    let schemas = types.into_iter().map(|offer_type| {
        let digest = shell.schemas.digest(&offer_type);
        (offer_type, digest)
    });
    let settings = project.config.digests().map(|(name, digest)| (name.to_owned(), digest)).into_iter();
    let environment = project.environment.iter();
    let environment = environment.map(|name| (format!("environments.{name}"), project.config.environment_digest(name)));
    Bound {
        portal,
        settings: settings.chain(environment).collect(),
        schemas: schemas.collect(),
        accepted: BTreeSet::new(),
    }
}

/// Warns of tokens of the command line that accept nothing: a typo, or a finding that is no longer there.
pub(super) fn warn_of_unused_tokens(shell: &Shell, plan: &Plan) {
    for (token, forms) in plan.unused_tokens() {
        let why = match forms.as_slice() {
            // A saved plan is applied later, and then it may accept something.
            [] if token.ends_with(plan::OUTSIDE_WINDOW) => continue,
            [] => "accepts nothing in this plan".to_owned(),
            forms => format!("fits several offers and accepts none; give {}", forms.join(" or ")),
        };
        shell.term.say(&format!("warning: --allow {token} {why}"));
    }
}

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
    let read = plan.totals().unchanged + plan.offers().len();
    let unread = plan.unread().iter().map(|unread| Fate::unread(unread.denied));
    let changed = (detailed && !plan.is_empty()).then_some(Fate::Changed);
    Exit::of(unread.chain((read > 0).then_some(Fate::Done)).chain(changed))
}

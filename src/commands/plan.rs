//! `offerctl plan`: what apply would do. It holds no writer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::artifacts::Looking;
use super::bases::Bases;
use super::connect::Portal;
use super::declared::{Lints, Supply};
use super::known::{Circumstances, Dates, Known};
use super::observe::{Decided, Desk, Detail};
use super::shell::Shell;
use super::sinks::{Surface, write_sealed};
use super::{observe, since, snapshot};
use crate::cli::{Format, PlanArgs, Reading, Refresh, Shaping};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Error, Exit, Fate, Result};
use crate::plan::{self, AssembleError, Bound, Choices, Context, LoadError, OfferPlan, Plan, SavedPlan, Verdict};
use crate::render::{self, MarkdownOptions, Places};
use crate::workspace::{Desired, Project};

pub(super) async fn run(shell: &Shell, args: &PlanArgs) -> Result<Exit> {
    let Planned { project, plan, name, places } = match (&args.live, &args.shaping.since) {
        (None, None) => one_by_one(shell, args).await?,
        _ if args.refresh == Refresh::Changed => {
            let message = "--refresh=changed does not go with --live and --since";
            return Err(Error::invalid(message).hint("leave one of them out"));
        }
        _ => all_at_once(shell, args).await?,
    };
    warn_of_unused_tokens(shell, &plan);
    if let Some(path) = &args.out {
        let accepted = args.shaping.allow.iter().cloned().collect();
        let bound = Bound { accepted, ..bound(shell, &project, plan.offers(), name) };
        write_sealed(path, &SavedPlan::write(&plan, &bound))?;
        let path = path.display();
        shell.term.say(&match plan.snapshot() {
            Some(_) => format!(
                "Plan saved to {path}. It was made against a snapshot, so it can be shown but not \
                applied."
            ),
            None => format!("Plan saved to {path}. To apply it: offerctl apply {path}"),
        });
    }
    let exit = exit(&plan, args.detailed_exitcode);
    emit(shell, &plan, &places, args.reading, args.shaping.html_source, exit)?;
    Ok(exit)
}

/// Reads a plan that `plan --out` saved.
pub(super) fn read_saved(path: &Path) -> Result<SavedPlan> {
    let name = path.display();
    let text =
        crate::text::read(path).map_err(|error| Error::invalid(format!("cannot read the plan {name}: {error}")))?;
    SavedPlan::read(&text).map_err(|error| unusable(path, &error))
}

pub(super) fn unusable(path: &Path, error: &LoadError) -> Error {
    Error::new(Exit::Refused, format!("{}: {error}", path.display()))
        .hint("save a new plan with `offerctl plan --out FILE`")
}

/// Writes a plan to every sink that was asked for.
pub(super) fn emit(
    shell: &Shell,
    plan: &Plan,
    places: &Places,
    reading: Reading,
    html_source: bool,
    exit: Exit,
) -> Result<()> {
    let project = shell.found.as_ref().ok().and_then(Option::as_deref);
    let limit = reading.markdown_limit.or_else(|| project.and_then(|project| project.config.markdown_limit));
    let options = MarkdownOptions {
        limit: limit.unwrap_or(MarkdownOptions::LIMIT),
        html_source,
        verbose: shell.global.verbose > 0,
    };
    shell.emit_on(&|format, surface| match format {
        Format::Text | Format::Yaml => text(shell, html_source, plan, surface),
        Format::Markdown => render::plan_markdown(plan, options),
        Format::Html => render::plan_html(plan, html_source),
        Format::Json => render::plan_json(plan),
        Format::Sarif => render::sarif::plan(plan, places, exit),
        Format::Junit => render::junit::plan(plan, places),
        Format::Github => render::github::plan(plan, places),
    })
}

/// A plan with what it is shown and saved with.
struct Planned {
    project: Arc<Project>,
    plan: Plan,
    /// The name of the portal.
    name: String,
    places: Places,
}

type Opened = (Arc<Project>, Supply, Portal, Option<Arc<Known>>);

/// Begins to read the files, and connects to the portal.
async fn open(shell: &Shell, args: &PlanArgs) -> Result<Opened> {
    let targets = &args.targets.targets;
    match args.refresh {
        Refresh::All => {
            let project = shell.usable_project()?;
            let mut supply = shell.supply(targets, args.shard, Lints::Errors, None)?;
            shell
                .until_stopped(async {
                    supply.begin().await;
                    Ok(())
                })
                .await?;
            let portal = if supply.is_faulty() { None } else { Some(shell.connect().await) };
            match portal {
                Some(Ok(portal)) => Ok((project, supply, portal, None)),
                // What is wrong in the files comes first.
                other => Err(supply.error(shell, other.and_then(Result::err)).await),
            }
        }
        Refresh::Changed => {
            let project = shell.usable_project()?;
            let portal = shell.connect().await?;
            match known(shell, args, &project, &portal).await {
                Ok((known, supply)) => Ok((project, supply, portal, known)),
                Err(error) => portal.close().await.and(Err(error)),
            }
        }
    }
}

/// Plans while files and portal are read, and forgets each offer that is unchanged.
async fn one_by_one(shell: &Shell, args: &PlanArgs) -> Result<Planned> {
    let targets = &args.targets.targets;
    let (project, mut supply, portal, known) = open(shell, args).await?;
    let held = supply.files();
    let made = async {
        let bases = Bases::read(shell, &project, &args.base).await?;
        bases.check_portal(&portal.name)?;
        let choices = choices(&args.shaping, &project, args.out.is_some());
        let places = args.out.is_some() || shell.global.verbose > 0 || shell.writes(Format::Html);
        let detail = if places { Detail::Places } else { Detail::Numbers };
        let looking = looking(shell, args.shaping.no_artifacts, &portal)?;
        let desk = Desk::new(shell, &portal.reader, looking.as_ref().map(Looking::looker)).knowing(known.as_ref());
        let desk = desk.marking(bases.clone());
        let decided = observe::verdicts(shell, &desk, &mut supply, &choices, detail, portal.at_once);
        let mut decided = shell.until_stopped(async { Ok(decided.await) }).await?;
        drop(desk);
        if let Some(looking) = looking {
            looking.keep();
        }
        let files = match supply.end().await {
            Some(roll) => {
                shell.all_read(&roll)?;
                roll.offers
            }
            None => held,
        };
        let skipped = known.as_ref().map(|known| known.take_skipped()).unwrap_or_default();
        let context = Context {
            not_read: skipped.len(),
            bases: bases.names(),
            shard: args.shard,
            ..context(&project, &args.shaping.allow, &portal.name)
        };
        decided.extend(skipped.into_iter().map(|one| Decided::unchanged(one.key)));
        let plan = conclude(shell, &project, decided, context).await?;
        if let Some(known) = known.and_then(Arc::into_inner) {
            known.keep(targets.is_empty());
        }
        Ok((plan, files))
    };
    let made = made.await;
    let name = portal.name.clone();
    portal.close().await?;
    let (plan, files) = made?;
    Ok(Planned { project, plan, name, places: shell.places_of(files.into_iter()) })
}

/// What compared equal before, and the offers, of which those are skipped.
async fn known(
    shell: &Shell,
    args: &PlanArgs,
    project: &Project,
    portal: &Portal,
) -> Result<(Option<Arc<Known>>, Supply)> {
    let PlanArgs { shaping, out, .. } = args;
    if out.is_some() || shaping.resend {
        let message =
            "--refresh=changed does not read every offer, so such a plan is neither saved nor sends all again";
        return Err(Error::invalid(message).hint("leave out --refresh=changed, or --out and --resend"));
    }
    let choices = serde_json::json!([shaping.through, shaping.no_artifacts, args.shard]);
    let circumstances = Circumstances { command: "plan", portal: &portal.name, choices, dates: Dates::Signatures };
    let known = Known::new(shell, args.refresh, project, &portal.reader, circumstances);
    let known = shell.until_stopped(known).await?.map(Arc::new);
    let supply = shell.supply(&args.targets.targets, args.shard, Lints::Errors, known.clone())?;
    Ok((known, supply))
}

fn looking(shell: &Shell, no_artifacts: bool, portal: &Portal) -> Result<Option<Looking>> {
    if no_artifacts { Ok(None) } else { Looking::new(&shell.global, &portal.reader).map(Some) }
}

/// Plans offers of which all files were read before: of those that changed since a revision, or against a snapshot.
async fn all_at_once(shell: &Shell, args: &PlanArgs) -> Result<Planned> {
    let (project, mut loaded) = shell.load_linted(&args.targets.targets)?;
    loaded.keep(args.shard);
    let since = since::keep_changed(&project, &mut loaded.offers, args.shaping.since.as_deref()).await?;
    let keep_unchanged = args.out.is_some();
    let bases = Bases::read(shell, &project, &args.base).await?;
    let (plan, name) = match &args.live {
        Some(file) => {
            let (from, taken) = snapshot::read(shell, file)?;
            let choices = choices(&args.shaping, &project, keep_unchanged);
            bases.check_portal(&from.portal)?;
            let no_artifacts = args.shaping.no_artifacts;
            let decided = snapshot::verdicts(shell, &loaded.offers, &choices, no_artifacts, &bases, &from).await?;
            let context = Context {
                since,
                snapshot: Some(taken),
                bases: bases.names(),
                shard: args.shard,
                ..context(&project, &args.shaping.allow, &from.portal)
            };
            let plan = conclude(shell, &project, decided, context).await?;
            (plan, from.portal.clone())
        }
        None => {
            let portal = shell.connect().await?;
            let context = context(&project, &args.shaping.allow, &portal.name);
            let context = Context { since, shard: args.shard, bases: bases.names(), ..context };
            let plan = match bases.check_portal(&portal.name) {
                Ok(()) => {
                    let against = Against { context, bases, keep_unchanged };
                    make(shell, &args.shaping, &project, &loaded.offers, against, &portal).await
                }
                Err(error) => Err(error),
            };
            let name = portal.name.clone();
            portal.close().await?;
            (plan?, name)
        }
    };
    let places = shell.places(&loaded.offers);
    Ok(Planned { project, plan, name, places })
}

/// What a plan is made with beside the offers and the portal.
pub(super) struct Against {
    pub(super) context: Context,
    pub(super) bases: Bases,
    /// See [`Choices::keep_unchanged`].
    pub(super) keep_unchanged: bool,
}

/// Reads the portal, and the files behind artifacts unless they are left out, and makes the plan.
pub(super) async fn make(
    shell: &Shell,
    shaping: &Shaping,
    project: &Project,
    offers: &[Desired],
    Against { context, bases, keep_unchanged }: Against,
    portal: &Portal,
) -> Result<Plan> {
    let choices = choices(shaping, project, keep_unchanged);
    let mut supply = Supply::Held(Vec::from(offers).into_iter());
    let looking = looking(shell, shaping.no_artifacts, portal)?;
    let desk = Desk::new(shell, &portal.reader, looking.as_ref().map(Looking::looker)).marking(bases);
    let decided = observe::verdicts(shell, &desk, &mut supply, &choices, Detail::Places, portal.at_once);
    let decided = shell.until_stopped(async { Ok(decided.await) }).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    conclude(shell, project, decided, context).await
}

/// Makes the plan of what was decided, and says what lints found meanwhile.
async fn conclude(shell: &Shell, project: &Project, decided: Vec<Decided>, context: Context) -> Result<Plan> {
    let (mut verdicts, mut notify, mut ending) = (Vec::new(), Vec::new(), Vec::new());
    for one in decided {
        verdicts.push(one.verdict);
        notify.extend(one.ignored_notify);
        ending.extend(one.ending);
        if let (Some(why), Some(Verdict::Change(offer))) = (one.baseless, verdicts.last()) {
            shell.term.say(&format!("warning: {}: edits in the portal are not marked: {why}", offer.key));
        }
    }
    // A snapshot may be old, so it causes no warning about a publish.
    let notify = if context.snapshot.is_some() { Vec::new() } else { notify };
    let plan = assemble(shell, verdicts, context).await?;
    tell(shell, project, [notify, ending].concat())?;
    Ok(plan)
}

/// Makes the plan away from the threads that read: the project's rules may take a while.
pub(super) async fn assemble(shell: &Shell, verdicts: Vec<Verdict>, context: Context) -> Result<Plan> {
    let work = tokio::task::spawn_blocking(move || plan::assemble(verdicts, context));
    let made = shell.until_stopped(async { Ok(work.await) }).await?;
    let made = made.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    made.map_err(|error| match error {
        AssembleError::Rules(_) => Error::invalid(error.to_string())
            .hint("make the rule iterate over fewer or shorter lists, or plan fewer offers at once"),
        AssembleError::Json(_) => Error::failed(error.to_string()),
    })
}

/// What the project and the clock say of a plan, with the tokens of the command line.
pub(super) fn context<'a>(project: &Project, accepted: impl IntoIterator<Item = &'a String>, portal: &str) -> Context {
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
        not_read: 0,
        shard: None,
        portal: portal.to_owned(),
    }
}

/// Shows what lints found beside a plan, each at the level of the project.
fn tell(shell: &Shell, project: &Project, mut found: Vec<Diagnostic>) -> Result<()> {
    project.config.lints.apply(&mut found);
    if found.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Error::invalid("a lint that this project treats as an error").with(found));
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
            [] => "matches no finding of this plan".to_owned(),
            forms => format!("matches several offers and accepts none; pass {}", forms.join(" or ")),
        };
        shell.term.say(&format!("warning: --allow {token} {why}"));
    }
}

/// The plan for a place that takes colour or has a width.
pub(super) fn text(shell: &Shell, html_source: bool, plan: &Plan, surface: Surface) -> String {
    render::plan(plan, surface.options(shell.global.verbose > 0, html_source))
}

/// A plan that is not whole is no success, whatever else was asked for.
pub(super) fn exit(plan: &Plan, detailed: bool) -> Exit {
    let read = plan.totals().unchanged + plan.offers().len();
    let unread = plan.unread().iter().map(|unread| Fate::unread(unread.denied));
    let changed = (detailed && !plan.is_empty()).then_some(Fate::Changed);
    Exit::of(unread.chain((read > 0).then_some(Fate::Done)).chain(changed))
}

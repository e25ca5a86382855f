//! `offerctl show-plan`: a saved plan, in any format of `plan`.

use super::plan;
use super::shell::Shell;
use crate::cli::ShowPlanArgs;
use crate::error::{Exit, Result};

/// Shows the plan from its file alone, so that a job without the project, the portal and a credential can do it.
pub(super) fn run(shell: &Shell, args: &ShowPlanArgs) -> Result<Exit> {
    let saved = plan::read_saved(&args.file)?;
    let plan = saved.restore().map_err(|error| plan::unusable(&args.file, &error))?;
    let files = plan.offers().iter().map(|offer| (offer.key.clone(), offer.path().to_owned()));
    let places = shell.places_of(files);
    plan::emit(shell, &plan, &places, args.reading, args.html_source, plan::exit(&plan, false))?;
    shell.term.say(&format!("The plan was made from {}.", plan.portal()));
    Ok(Exit::Done)
}

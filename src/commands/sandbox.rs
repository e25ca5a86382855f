//! `offerctl sandbox`: the embedded portal for other processes, until a signal ends it.

use super::shell::{Shell, signal};
use crate::cli::SandboxArgs;
use crate::error::{Exit, Result};
use crate::sandbox::{Options, Sandbox, Seed, read_seed_dir};

pub(super) async fn run(shell: &Shell, args: SandboxArgs) -> Result<Exit> {
    let seed = match &args.seed {
        Some(folder) => Seed::Documents(read_seed_dir(folder)?),
        None => Seed::Contoso,
    };
    let sandbox = Sandbox::start(Options {
        listen: args.listen,
        seed,
        default_profile: args.profile.into(),
        publishers: args.publisher,
        step_time: args.step_time,
        state: args.state,
        token: args.token,
        ..Options::default()
    })
    .await?;
    shell.to_stdout(&format!("{}\n", sandbox.url()))?;
    shell.term.say("The sandbox serves until it is stopped (Ctrl-C).");
    signal().await;
    sandbox.stop().await?;
    Ok(Exit::Done)
}

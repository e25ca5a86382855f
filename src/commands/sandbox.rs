//! `offerctl sandbox`: the embedded portal for other processes, until a signal ends it.

use super::shell::{Shell, signal};
use crate::cli::SandboxArgs;
use crate::error::{Error, Exit, Result};
use crate::sandbox::{Options, Sandbox, Seed, Switches, read_faults};

pub(super) async fn run(shell: &Shell, args: SandboxArgs) -> Result<Exit> {
    let seed = args.seed.map_or(Seed::Contoso, Seed::Folder);
    let mut switches = Switches::default();
    for (name, value) in &args.set {
        switches.set(name, value).map_err(Error::invalid)?;
    }
    let sandbox = Sandbox::start(Options {
        listen: args.listen,
        expose: args.expose,
        seed,
        default_profile: args.profile.into(),
        publishers: args.publisher,
        step_time: args.step_time,
        clock: args.clock,
        state: args.state,
        token: args.token,
        no_auth: args.no_auth,
        clients: args.client,
        token_lifetime: args.token_lifetime,
        faults: args.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default(),
        random_seed: args.random_seed,
        switches,
        any_publisher: false,
    })
    .await?;
    shell.to_stdout(&format!("{}\n", sandbox.url()))?;
    shell.term.say("The sandbox serves until it is stopped (Ctrl-C).");
    signal().await;
    sandbox.stop().await?;
    Ok(Exit::Done)
}

//! `offerctl sandbox`: the embedded portal for other processes, until a signal ends it.

use super::shell::{Shell, signal};
use crate::cli::SandboxArgs;
use crate::error::{Error, Exit, Result};
use crate::sandbox::{Options, Proxy, ProxyOptions, Sandbox, Seed, Switches, read_faults};

pub(super) async fn run(shell: &Shell, args: SandboxArgs) -> Result<Exit> {
    let seed = args.seed.map_or(Seed::Contoso, Seed::Folder);
    let mut switches = Switches::default();
    for (name, value) in &args.set {
        switches.set(name, value).map_err(Error::invalid)?;
    }
    let proxy = args.proxy.map(|listen| ProxyOptions {
        listen,
        ca_file: args.proxy_ca.or_else(|| args.state.as_ref().map(|state| state.with_extension("ca.pem"))),
    });
    let sandbox = Sandbox::start(Options {
        listen: args.listen,
        expose: args.expose,
        seed,
        default_profile: args.profile,
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
    let mut proxy = match proxy {
        Some(options) => Some(Proxy::start(&sandbox, options).await?),
        None => None,
    };
    let exports = proxy.as_ref().map(Proxy::exports).unwrap_or_default();
    shell.to_stdout(&format!("{}\n{exports}", sandbox.url()))?;
    shell.term.say("The sandbox serves until it is stopped (Ctrl-C).");
    if proxy.is_some() {
        shell.term.say("In a shell with the exported variables, https clients reach it instead of the portal.");
    }
    until_stopped(shell, proxy.as_mut()).await;
    if let Some(proxy) = proxy {
        proxy.stop().await?;
    }
    sandbox.stop().await?;
    Ok(Exit::Done)
}

/// Waits for a signal, and says meanwhile what the proxy has to say.
async fn until_stopped(shell: &Shell, mut proxy: Option<&mut Proxy>) {
    let stopped = signal();
    tokio::pin!(stopped);
    loop {
        let notice = async {
            match &mut proxy {
                Some(proxy) => proxy.notice().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut stopped => return,
            notice = notice => shell.term.say(&notice),
        }
    }
}

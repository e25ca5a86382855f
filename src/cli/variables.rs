//! Which environment variables the command line reads.

use clap::CommandFactory as _;

use super::{Cli, Command};

impl Cli {
    /// Returns the command line without the variables that are set and empty. Pipelines set those where they have no
    /// value.
    pub(crate) fn without_empty_variables(is_empty: impl Fn(&std::ffi::OsStr) -> bool + Copy) -> clap::Command {
        let command = Self::command();
        let names = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>();
        let strip = move |argument: clap::Arg| match argument.get_env().is_some_and(is_empty) {
            true => argument.env(clap::builder::Resettable::Reset),
            false => argument,
        };
        names.into_iter().fold(command.mut_args(strip), |command, name| {
            command.mut_subcommand(name, |subcommand| subcommand.mut_args(strip))
        })
    }
}

/// Variables that earlier versions read in place of a flag that changes what a single call does, with that flag.
const RETIRED_VARIABLES: [(&str, &str); 19] = [
    ("OFFERCTL_ALLOW", "allow"),
    ("OFFERCTL_ALLOW_UNDECLARED", "allow-undeclared"),
    ("OFFERCTL_BASE", "base"),
    ("OFFERCTL_DETAILED_EXITCODE", "detailed-exitcode"),
    ("OFFERCTL_EXPECT_PLAN", "expect-plan"),
    ("OFFERCTL_FIX", "fix"),
    ("OFFERCTL_FROM", "from"),
    ("OFFERCTL_HTML_SOURCE", "html-source"),
    ("OFFERCTL_LIVE", "live"),
    ("OFFERCTL_MARKDOWN_LIMIT", "markdown-limit"),
    ("OFFERCTL_NO_ARTIFACTS", "no-artifacts"),
    ("OFFERCTL_NOTIFY", "notify"),
    ("OFFERCTL_NO_WAIT", "no-wait"),
    ("OFFERCTL_OUT", "out"),
    ("OFFERCTL_RESEND", "resend"),
    ("OFFERCTL_SINCE", "since"),
    ("OFFERCTL_THROUGH", "through"),
    ("OFFERCTL_TO", "to"),
    ("OFFERCTL_YES", "yes"),
];

impl Command {
    /// Returns the retired variables that are set and stand for a flag of this command, with that flag.
    pub(crate) fn retired_variables(
        &self,
        is_set: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        let root = Cli::command();
        let command = root.find_subcommand(self.name()).cloned();
        let takes = move |flag: &str| {
            command.as_ref().is_some_and(|command| command.get_arguments().any(|a| a.get_long() == Some(flag)))
        };
        RETIRED_VARIABLES.into_iter().filter(move |(variable, flag)| takes(flag) && is_set(variable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exported variable must not change what a later command does.
    #[test]
    fn variables_say_where_offerctl_runs_and_not_what_a_call_does() {
        const KEPT: [&str; 18] = [
            "OFFERCTL_AUTH",
            "OFFERCTL_AUTH_VERSION",
            "OFFERCTL_CACHE_DIR",
            "OFFERCTL_CHDIR",
            "OFFERCTL_COLOR",
            "OFFERCTL_ENDPOINT",
            "OFFERCTL_ENV",
            "OFFERCTL_LOG_FORMAT",
            "OFFERCTL_MAX_REQUESTS",
            "OFFERCTL_NO_INPUT",
            "OFFERCTL_OUTPUT",
            "OFFERCTL_PARALLELISM",
            "OFFERCTL_QUIET",
            "OFFERCTL_RETRIES",
            "OFFERCTL_RETRY_BUDGET",
            "OFFERCTL_SANDBOX",
            "OFFERCTL_VERBOSE",
            "OFFERCTL_WAIT_TIMEOUT",
        ];
        let root = Cli::command();
        let all = || std::iter::once(&root).chain(root.get_subcommands()).filter(|c| c.get_name() != "sandbox");
        let read = all().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
        let read = read.filter_map(std::ffi::OsStr::to_str).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), KEPT);
        let flags = all().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long).collect::<Vec<_>>();
        for (variable, flag) in RETIRED_VARIABLES {
            assert!(flags.contains(&flag), "{variable} names --{flag}, which no command takes");
        }
    }
}

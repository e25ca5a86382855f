//! Programs that are started: each gets the variables that it needs. Secrets are among the others as a rule, so they
//! stay here.

use tokio::process::Command;

/// What every program may see: where programs and the user's files are, the language, and the way to the network. A
/// `*` stands for any end.
const COMMON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    // Windows starts hardly any program without these.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "PROGRAMFILES*",
    "PROGRAMDATA",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "TEMP",
    "TMP",
];

/// A program that sees the common variables, and those that `also` names.
pub(crate) fn command(program: &str, also: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy().to_uppercase();
        COMMON.iter().chain(also).any(|known| matches(known, &name))
    }));
    command
}

fn matches(known: &str, name: &str) -> bool {
    known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_whole_or_by_its_beginning() {
        assert!(matches("LC_*", "LC_ALL") && matches("PATH", "PATH"));
        assert!(!matches("PATH", "PATHEXT") && !matches("LC_*", "LANG"));
    }
}

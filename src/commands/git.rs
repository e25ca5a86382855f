//! A revision of the project's files, read from the repository's objects by the git program: the work tree, the index
//! and the hooks have no part in it.
//!
//! Git itself rather than a library: every pipeline that checks out a project has it, it knows every form of
//! repository (partial clones, other hashes, work trees of their own), and it adds nothing to build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::shell::Shell;
use crate::error::{Error, Result};
use crate::model::Digest;
use crate::workspace::{Loaded, Project, Tree};

/// Larger files of a revision are no part of an offer; `!artifact` reads no more either.
const MAX_FILE: u64 = 64 << 20;
/// How often a load may find that it needs more files: once for offer files, once for what they name.
const ROUNDS: usize = 3;

/// A project at a revision.
pub(super) struct Revision {
    /// What the user called it, and the commit.
    pub(super) name: String,
    pub(super) loaded: Loaded,
    pub(super) tree: Tree,
    objects: BTreeMap<String, String>,
    root: PathBuf,
}

impl Revision {
    /// Reads what the project's files said at `rev`.
    pub(super) async fn read(shell: &Shell, project: &Project, rev: &str) -> Result<Self> {
        let mut revision = Self::list(project, rev).await?;
        revision.fetch(["offerctl.toml".to_owned()].into()).await?;
        let at = Project::at(&project.root, &revision.tree).map_err(|finding| {
            Error::invalid(format!("offerctl.toml cannot be used at {}", revision.name)).with(vec![*finding])
        })?;
        for _ in 0..ROUNDS {
            revision.loaded = shell.load_revision(&at, &revision.tree);
            let wanted = revision.tree.take_wanted();
            if wanted.is_empty() {
                break;
            }
            revision.fetch(wanted).await?;
        }
        Ok(revision)
    }

    /// Finds which files the project has at `rev`, and reads none.
    pub(super) async fn list(project: &Project, rev: &str) -> Result<Self> {
        let root = project.root.clone();
        let commit = commit(&root, rev).await?;
        let objects = list(&root, &commit).await?;
        let short = commit.get(..12).unwrap_or(&commit);
        let name =
            if commit.starts_with(rev) { format!("revision {short}") } else { format!("revision {rev} ({short})") };
        if objects.is_empty() {
            let message = format!("at {name} there is no file of the project {}", root.display());
            return Err(Error::invalid(message).hint("is the project's folder committed there?"));
        }
        let tree = Tree::new(objects.keys().cloned().collect());
        Ok(Self { name, loaded: Loaded::default(), tree, objects, root })
    }

    /// The digest of a file, as offers carry it; `None` for one that is not there.
    pub(super) fn digest(&self, name: &str) -> Option<Digest> {
        let bytes = self.tree.get(name)?;
        Some(Digest::of(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)))
    }

    /// Brings files into memory. Those that there are not are passed over.
    pub(super) async fn fetch(&mut self, names: BTreeSet<String>) -> Result<()> {
        let missing = names.into_iter().filter(|name| self.tree.get(name).is_none());
        let wanted = missing.filter_map(|name| self.objects.get(&name).map(|object| (name, object.clone())));
        let wanted = wanted.collect::<Vec<_>>();
        if wanted.is_empty() {
            return Ok(());
        }
        let asked = wanted.iter().map(|(_, object)| format!("{object}\n")).collect::<String>();
        let answer = git(&self.root, &["cat-file", "--batch"], Some(asked.into_bytes())).await?;
        let mut rest = answer.as_slice();
        for (name, _) in wanted {
            let bytes = next_object(&mut rest).ok_or_else(|| {
                Error::failed(format!("{name} of {} cannot be read from the repository's objects", self.name))
                    .hint("a partial clone may lack them; fetch them, or clone without --filter")
            })?;
            self.tree.add(name, bytes);
        }
        Ok(())
    }
}

/// One answer of `cat-file --batch`: `<object> <type> <size>`, a line feed, the bytes, a line feed.
fn next_object(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    let mut words = head.split(' ');
    let (_, kind, size) = (words.next()?, words.next()?, words.next()?.parse::<usize>().ok()?);
    let bytes = rest.get(end + 1..end + 1 + size)?.to_vec();
    *rest = rest.get(end + 1 + size + 1..)?;
    (kind == "blob").then_some(bytes)
}

async fn commit(root: &Path, rev: &str) -> Result<String> {
    let asked = format!("{rev}^{{commit}}");
    let answer = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &asked], None).await;
    let error = match answer {
        Ok(answer) => return Ok(String::from_utf8_lossy(&answer).trim().to_owned()),
        // There is a repository, and it has no such commit.
        Err(error) if error.hints().is_empty() => error,
        Err(error) => return Err(error),
    };
    drop(error);
    let shallow = git(root, &["rev-parse", "--is-shallow-repository"], None).await?;
    let error = Error::invalid(format!("the repository has no revision `{rev}`"));
    Err(if shallow.starts_with(b"true") {
        error.hint("this is a shallow clone; fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` in the checkout step")
    } else {
        error.hint("`git fetch` may bring it; a branch of the remote is called origin/NAME")
    })
}

/// The regular files below the project's folder, and the objects that hold them.
async fn list(root: &Path, commit: &str) -> Result<BTreeMap<String, String>> {
    let answer = git(root, &["ls-tree", "-r", "-z", "-l", commit], None).await?;
    let mut objects = BTreeMap::new();
    for entry in answer.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Ok(entry) = std::str::from_utf8(entry) else { continue };
        let Some((head, name)) = entry.split_once('\t') else { continue };
        let mut words = head.split_ascii_whitespace();
        let (mode, object, size) = (words.next(), words.nth(1), words.next().and_then(|size| size.parse::<u64>().ok()));
        // Links and submodules have other modes.
        let regular = matches!(mode, Some("100644" | "100755"));
        if let (true, Some(object), Some(size)) = (regular, object, size)
            && size <= MAX_FILE
        {
            objects.insert(name.to_owned(), object.to_owned());
        }
    }
    Ok(objects)
}

/// Runs git in a folder: no pager, no question, nothing fetched, nothing locked, and no variable of git's own but those
/// that say where its configuration is.
async fn git(root: &Path, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut command = Command::new("git");
    command.arg("--no-pager").args(["-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]).args(args);
    command.current_dir(root).env_clear();
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs([
        ("LC_ALL", "C"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_NO_LAZY_FETCH", "1"),
    ]);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::invalid("git is not installed, and a revision is read by it")
            .hint("install git, or give a receipt: --base PATH"),
        _ => Error::failed(format!("git does not start: {error}")),
    };
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let write = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A git that ended early says why.
            let _ = stdin.write_all(&input).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    let output = output.map_err(|error| Error::failed(format!("git gives no answer: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
    if said.starts_with("not a git repository") {
        let message = format!("the project {} is in no Git repository", root.display());
        return Err(Error::invalid(message).hint("give the report of an apply instead: --base PATH"));
    }
    if said.contains("dubious ownership") {
        return Err(Error::invalid(format!("git refuses the repository: {said}"))
            .hint("`git config --global --add safe.directory PATH` trusts it"));
    }
    Err(Error::failed(format!("git {} fails: {}", args.first().unwrap_or(&""), crate::redact::text(&said))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_one_after_another() {
        let answer = b"aa blob 3\nx\ny\nbb blob 0\n\ncc missing\n".to_vec();
        let mut rest = answer.as_slice();
        assert_eq!(next_object(&mut rest), Some(b"x\ny".to_vec()));
        assert_eq!(next_object(&mut rest), Some(Vec::new()));
        assert_eq!(next_object(&mut rest), None);
    }
}

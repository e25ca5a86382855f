//! A revision of the project's files, read by the git program from the repository's objects. Files come as git would
//! check them out, so that line ends and other conversions make no difference to the files of today; hooks have no part
//! in it.
//!
//! Git itself rather than a library: every pipeline that checks out a project has it, it knows every form of
//! repository (partial clones, other hashes, work trees of their own), and it adds nothing to build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use super::shell::Shell;
use crate::child;
use crate::error::{Error, Result};
use crate::model::Digest;
use crate::workspace::{Loaded, Project, Tree};

/// Larger files of a revision are no part of an offer; `!artifact` reads no more either.
const MAX_FILE: u64 = 64 << 20;
/// As many names as fit into a command line on every system.
const NAMES: usize = 200;
/// What git reads, beside what every program does: where its configuration is, and who is behind `sudo`. Where the
/// repository is follows from the project alone.
const VARIABLES: &[&str] = &["GIT_CONFIG_*", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH", "SUDO_UID"];
/// How often a load may find that it needs more files: once for offer files, once for what they name.
const ROUNDS: usize = 3;

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
        let mut at = Project::at(&project.root, &revision.tree).map_err(|finding| {
            Error::invalid(format!("offerctl.toml cannot be used at {}", revision.name)).with(vec![*finding])
        })?;
        // An environment that was not declared then had no overlays.
        at.environment = project.environment.clone().filter(|name| at.config.environments.contains_key(name));
        // The values are those of now, so what may be read is too.
        at.config.env.clone_from(&project.config.env);
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
            let message = format!("no file of the project {} exists at {name}", root.display());
            return Err(Error::invalid(message).hint("commit the folder of the project, or pass another revision"));
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
        let now = self.hashes(&wanted).await?;
        let (same, other): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(name, object)| now.get(name) == Some(object));
        for (name, _) in same {
            let path = self.root.join(&name);
            let bytes = std::fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
            self.tree.add(name, bytes);
        }
        self.read_objects(other).await
    }

    /// The objects that the files of today would become, by git's own conversions.
    async fn hashes(&self, wanted: &[(String, String)]) -> Result<BTreeMap<String, String>> {
        let small = |path: &Path| path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE);
        let here = wanted.iter().map(|(name, _)| name.as_str()).filter(|name| small(&self.root.join(name)));
        let mut hashes = BTreeMap::new();
        for names in here.collect::<Vec<_>>().chunks(NAMES) {
            let answer = git(&self.root, &[&["hash-object", "--"], names].concat(), None).await?;
            let objects = String::from_utf8_lossy(&answer);
            hashes.extend(
                names.iter().zip(objects.lines()).map(|(name, object)| ((*name).to_owned(), object.to_owned())),
            );
        }
        Ok(hashes)
    }

    /// Reads files as git would check them out.
    async fn read_objects(&mut self, wanted: Vec<(String, String)>) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let asked = wanted.iter().map(|(_, object)| format!("{object}\n")).collect::<String>();
        let sizes = git(&self.root, &["cat-file", "--batch-check=%(objectsize)"], Some(asked.into_bytes())).await;
        let sizes = match sizes {
            Ok(sizes) => String::from_utf8_lossy(&sizes).into_owned(),
            Err(error) => return Err(lacking(&self.root, &self.name).await.unwrap_or(error)),
        };
        let mut small = Vec::new();
        for ((name, object), size) in wanted.into_iter().zip(sizes.lines()) {
            let Ok(size) = size.parse::<u64>() else {
                let what = format!("{name} of {}", self.name);
                let damaged = || {
                    Error::failed(format!("{what} is missing from the repository's objects"))
                        .hint("run `git fsck` to find the damage")
                };
                return Err(lacking(&self.root, &what).await.unwrap_or_else(damaged));
            };
            if size <= MAX_FILE {
                small.push((name, object));
            }
        }
        let prefix = git(&self.root, &["rev-parse", "--show-prefix"], None).await?;
        let prefix = String::from_utf8_lossy(&prefix).trim_end_matches('\n').to_owned();
        // The size that git says is that before the conversion, so an object that there is not marks the end of each.
        let end = uuid::Uuid::new_v4().to_string();
        let asked = small.iter().map(|(name, object)| format!("{object} {prefix}{name}\n{end}\n")).collect::<String>();
        let answer = git(&self.root, &["cat-file", "--batch", "--filters"], Some(asked.into_bytes())).await?;
        for ((name, _), bytes) in small.into_iter().zip(checked_out(&answer, &end)) {
            self.tree.add(name, bytes.to_vec());
        }
        Ok(())
    }
}

/// The answers of `cat-file --batch`, each followed by that to `end`: `<object> <type> <size>`, a line feed, the bytes, a
/// line feed.
fn checked_out<'a>(answer: &'a [u8], end: &str) -> impl Iterator<Item = &'a [u8]> {
    let end = format!("\n{end} missing\n").into_bytes();
    let mut rest = answer;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'\n')? + 1;
        let length = rest[start..].windows(end.len()).position(|window| window == end)?;
        let bytes = &rest[start..start + length];
        rest = &rest[start + length + end.len()..];
        Some(bytes)
    })
}

/// The error of objects that a partial clone did not bring; `None` where the clone is none.
async fn lacking(root: &Path, what: &str) -> Option<Error> {
    git(root, &["config", "--get-regexp", r"^remote\..*\.promisor$"], None).await.ok()?;
    Some(
        Error::invalid(format!("{what} is not in this clone, because the clone was made with --filter"))
            .hint("run `git fetch --refetch --no-filter`; in a pipeline, check out without a filter"),
    )
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
        error.hint("run `git fetch`; a branch of the remote is called origin/NAME")
    })
}

/// The regular files below the project's folder, and the objects that hold them.
async fn list(root: &Path, commit: &str) -> Result<BTreeMap<String, String>> {
    let answer = match git(root, &["ls-tree", "-r", "-z", commit], None).await {
        Ok(answer) => answer,
        Err(error) => return Err(lacking(root, &format!("the list of files of {commit}")).await.unwrap_or(error)),
    };
    let mut objects = BTreeMap::new();
    for entry in answer.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Ok(entry) = std::str::from_utf8(entry) else { continue };
        let Some((head, name)) = entry.split_once('\t') else { continue };
        let mut words = head.split_ascii_whitespace();
        let (mode, object) = (words.next(), words.nth(1));
        // Links and submodules have other modes. Names are asked for line by line.
        let regular = matches!(mode, Some("100644" | "100755")) && !name.contains('\n');
        if let Some(object) = object.filter(|_| regular) {
            objects.insert(name.to_owned(), object.to_owned());
        }
    }
    Ok(objects)
}

/// Runs git in a folder: no pager, no question, nothing fetched, nothing locked.
async fn git(root: &Path, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut command = child::command("git", VARIABLES);
    command.arg("--no-pager").args(["-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]).args(args);
    command.current_dir(root).envs([
        ("LC_ALL", "C"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_LFS_SKIP_SMUDGE", "1"),
    ]);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::invalid("reading a revision needs git, and it is not installed")
            .hint("install git, or pass a receipt: --base FILE"),
        _ => Error::failed(format!("git cannot be started: {error}")),
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
    let output = output.map_err(|error| Error::failed(format!("git did not answer: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
    if said.starts_with("not a git repository") {
        let message = format!("the project {} is not in a Git repository", root.display());
        return Err(Error::invalid(message).hint("pass the report of an apply instead: --base FILE"));
    }
    if said.contains("dubious ownership") {
        return Err(Error::invalid(format!("git rejects the repository: {said}"))
            .hint("to trust it: `git config --global --add safe.directory PATH`"));
    }
    Err(Error::failed(format!("git {} fails: {}", args.first().unwrap_or(&""), crate::redact::text(&said))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_one_after_another_whatever_their_size() {
        let answer = b"aa blob 3\nx\r\ny\nend missing\nbb blob 0\n\nend missing\ncc blob 1\n\n\nend missing\n".to_vec();
        let files = checked_out(&answer, "end").collect::<Vec<_>>();
        assert_eq!(files, [&b"x\r\ny"[..], b"", b"\n"]);
        assert_eq!(checked_out(b"aa blob 9\nx", "end").next(), None);
    }
}

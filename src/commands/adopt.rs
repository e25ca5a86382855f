//! Writing what the portal holds into the files, for `drift --adopt`, `import --update` and `rollback`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shell::Shell;
use crate::cli::Rewriting;
use crate::content::Contents;
use crate::diff::{self, Compare, Diff};
use crate::error::{Error, Exit, Fate, Result};
use crate::model::Address;
use crate::plan::Unread;
use crate::render::{self, Paint};
use crate::revise::{self, Adopted};
use crate::schema::Shape;
use crate::workspace::{Desired, Project};

/// Compares an offer with a document of the portal.
pub(super) fn compare(desired: &Desired, live: &Value, contents: &Contents, shape: &Shape) -> Diff {
    let options =
        Compare { ignore: &desired.reconcile.ignore, resend: false, contents: Some(contents), only_count: false };
    diff::compare(&desired.document, live, shape, options)
}

/// Compares an offer with a document of the portal, and adopts the differences that are wanted.
pub(super) fn of(
    desired: &Desired,
    live: &Value,
    contents: &Contents,
    shape: &Shape,
    environment: Option<&str>,
    is_wanted: impl Fn(&Address) -> bool,
) -> Adopted {
    let changes = compare(desired, live, contents, shape).changes;
    let wanted = changes.iter().filter(|change| is_wanted(&change.address)).collect::<Vec<_>>();
    revise::adopt(desired, live, &wanted, shape, environment)
}

/// Writes the files of all offers, and shows what was not adopted.
///
/// # Errors
/// When an address that was named is nowhere a difference, or the files cannot be written.
pub(super) fn write(
    shell: &Shell,
    project: &Project,
    names: &[String],
    rewriting: Rewriting,
    adopted: &[Adopted],
    unread: &[Unread],
) -> Result<Exit> {
    let met = adopted.iter().flat_map(|one| {
        let refused = one.refused.iter().map(|refused| &refused.address);
        one.adopted.iter().chain(refused).map(Address::to_string)
    });
    let met = met.collect::<BTreeSet<_>>();
    if let Some(name) = names.iter().find(|name| *name != "all" && !met.contains(*name)) {
        return Err(Error::invalid(format!("no offer differs from the portal at `{name}`; nothing was written"))
            .hint("give an address as `offerctl drift` shows it, or `all`"));
    }
    let files = adopted.iter().flat_map(|one| one.files.iter().cloned()).collect::<Vec<_>>();
    shell.rewrite(project, &files, rewriting)?;
    let refused = adopted.iter().flat_map(|one| &one.refused).collect::<Vec<_>>();
    for one in &refused {
        let revise::Refusal { path, line, why } = &one.refusal;
        shell.term.alert(&format!("not adopted: {path}:{line}: {}: {why}", one.address));
    }
    let mut text = String::new();
    render::not_read(&mut text, unread, "not read", Paint { color: shell.term.stderr_color });
    shell.term.alert_text(&text);
    let fates = unread.iter().map(|unread| Fate::unread(unread.denied));
    let refused = refused.iter().map(|_| Fate::Refused);
    Ok(Exit::of(fates.chain(refused).chain(adopted.iter().map(|_| Fate::Done))))
}

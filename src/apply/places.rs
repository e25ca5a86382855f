//! Which declared fields an error of the portal is about, so that the user finds the line. Pure.

use crate::model::{Address, Entry, Node};
use crate::portal::Problem;
use crate::schema::{ListRule, Shape};
use crate::workspace::Desired;

/// As many places as somebody follows up.
const MOST: usize = 5;

/// The declared fields whose names the portal's words hold, as `title (offers/a.yaml:12)`. A field is named by its whole
/// key, or by its short name in quotes.
pub(super) fn named(problem: &Problem, desired: &Desired, shape: &Shape) -> Vec<String> {
    let said = std::iter::once(&problem.cause).chain(&problem.details);
    let said = said.map(|line| line.to_lowercase()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    walk(&desired.document, shape, &Address::default(), &mut |entry, address, label| {
        if names(&said, &entry.key) || quotes(&said, label) {
            found.push(format!("{address} ({}:{})", desired.source.path, entry.key_span.line));
        }
    });
    found.truncate(MOST);
    found
}

fn walk(node: &Node, shape: &Shape, at: &Address, found: &mut impl FnMut(&Entry, &Address, &str)) {
    for entry in node.entries() {
        let address = shape.address(at, &entry.key);
        found(entry, &address, shape.label(&entry.key));
        walk(&entry.value, shape.property(&entry.key), &address, found);
    }
    for item in node.items() {
        let id = match &shape.rules.list {
            ListRule::Keyed(key) => item.get(key).and_then(Node::as_str),
            ListRule::Ordered | ListRule::Set => None,
        };
        let address = id.map_or_else(|| at.clone(), |id| at.id(id));
        walk(item, shape.item(), &address, found);
    }
}

/// Whether a text holds a whole key as a word of its own. Only keys with a prefix are unmistakable.
fn names(said: &str, key: &str) -> bool {
    let key = key.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    key.contains('.')
        && said.match_indices(&key).any(|(start, _)| {
            let (before, after) = (said[..start].chars().next_back(), said[start + key.len()..].chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        })
}

fn quotes(said: &str, label: &str) -> bool {
    let label = label.to_lowercase();
    ['\'', '"', '`'].iter().any(|quote| said.contains(&format!("{quote}{label}{quote}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_by_its_key_or_by_its_short_name_in_quotes() {
        let key = "microsoft-azure-marketplace.title";
        assert!(names("the value of microsoft-azure-marketplace.title is too long.", key));
        assert!(names("microsoft-azure-marketplace.title.", key));
        assert!(!names("microsoft-azure-marketplace.titles", key));
        assert!(!names("x-microsoft-azure-marketplace.title", key));
        assert!(!names("the title", "title"), "a bare word is anybody's");
        assert!(quotes("field 'title' is required", "title"));
        assert!(!quotes("field title is required", "title"));
    }
}

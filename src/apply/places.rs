//! Which declared fields an error of the portal is about, so that the user finds the line. Pure.

use crate::document::{Flow, Path, walk};
use crate::model::Step;
use crate::portal::Problem;
use crate::schema::Shape;
use crate::workspace::Desired;

/// As many places as somebody follows up.
const MOST: usize = 5;

/// The declared fields whose names the portal's words hold, as `title (offers/a.yaml:12)`. A field is named by its whole
/// key, or by its short name in quotes.
pub(super) fn named(problem: &Problem, desired: &Desired, shape: &Shape) -> Vec<String> {
    let said = std::iter::once(&problem.cause).chain(&problem.details);
    let said = said.map(|line| line.to_lowercase()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    walk(&*desired.document, shape, &Path::default(), &mut |at, _, _| {
        let address = at.address();
        let label = match address.steps().last() {
            Some(Step::Key(label)) => label,
            Some(Step::Id(_)) | None => return Flow::Into,
        };
        if names(&said, at.name()) || quotes(&said, label) {
            let place = at.place();
            let file = desired.files.get(place.file.index()).map_or_else(|| desired.path(), |(path, _)| path);
            found.push(format!("{address} ({file}:{})", place.line));
        }
        Flow::Into
    });
    found.truncate(MOST);
    found
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

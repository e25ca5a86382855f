//! The names of files and variables that an import writes. What the portal says becomes part of one only as letters,
//! digits, `-`, `_` and `.`, and no two names of an import differ in the case of letters alone.

use std::collections::BTreeSet;

use crate::model::{Address, Digest, OfferKey, Step};

/// Longest part of a name that comes from the portal, in characters.
const LONGEST: usize = 60;
/// Names that Windows keeps for devices, whatever follows a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The names of the files of one folder, and what they begin with.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// The folder, from the publisher's: empty, or with a slash at its end.
    folder: String,
    /// The name of the file that is written, without its ending.
    stem: String,
    /// What the names of files beside it begin with.
    prefix: String,
    /// How many steps of an address name the file itself.
    base: usize,
    /// The names that are taken, in small letters.
    taken: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(key: &OfferKey, split_plans: bool, without_dots: bool) -> Self {
        let stem = file_stem(key.offer.as_str());
        let stem = if without_dots { stem.replace('.', "_") } else { stem };
        match split_plans {
            true => Self { folder: format!("{stem}/"), stem: "offer".to_owned(), ..Self::default() },
            false => Self { prefix: format!("{stem}."), stem, ..Self::default() },
        }
    }

    /// The names beside the file of a plan, and the path of that file.
    pub(super) fn of_plan(&self, id: &str) -> (Self, String) {
        let folder = format!("{}plans/", self.folder);
        let path = format!("{folder}{id}.yaml");
        (Self { folder, stem: id.to_owned(), prefix: format!("{id}."), base: 3, taken: BTreeSet::new() }, path)
    }

    /// The path of the file that declares the offer.
    pub(super) fn declaring(&self) -> String {
        format!("{}{}.yaml", self.folder, self.stem)
    }

    /// The way from this folder to the project's.
    pub(super) fn to_root(&self, from_publisher: &str) -> String {
        "../".repeat(self.folder.matches('/').count()) + from_publisher
    }

    /// The name of the file for the text at an address, and its path from the publisher's folder.
    pub(super) fn text(&mut self, at: &Address) -> (String, String) {
        // A part without a dot: the last but one dot ends the name of the offer, which so is no other's.
        let base = format!("{}{}", self.prefix, part(at, self.base));
        let numbered = (2..).map(|count| format!("{base}-{count}"));
        let free = |name: &String| !self.taken.contains(&name.to_ascii_lowercase());
        let name = std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base);
        self.taken.insert(name.to_ascii_lowercase());
        let name = format!("{name}.html");
        let path = format!("{}{name}", self.folder);
        (name, path)
    }
}

/// What an address says, as a part of a name; the first `base` steps and the wrappers are left out.
fn part(at: &Address, base: usize) -> String {
    let wrapper = |(place, step): &(usize, Step<&str>)| {
        matches!((place, step), (0, Step::Key("definition")) | (1, Step::Key("offer")))
    };
    let steps = at.steps().enumerate().filter(|step| step.0 >= base && !wrapper(step));
    let words = steps.map(|(_, step)| match step {
        Step::Key(key) => key.rsplit('.').next().unwrap_or(key).to_owned(),
        Step::Id(id) => id.to_owned(),
    });
    plain(&words.collect::<Vec<_>>().join("-"))
}

/// The letters and digits of a text, with `-` for everything else.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            _ if !out.ends_with('-') && !out.is_empty() => out.push('-'),
            _ => {}
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "text".to_owned() } else { out.to_owned() }
}

/// The path in the project to which a portal's copy of a file is saved: named by the field that holds it.
pub(crate) fn asset(key: &OfferKey, at: &Address, url: &str, taken: &mut BTreeSet<String>) -> String {
    let last = url::Url::parse(url).ok().and_then(|url| url.path().rsplit_once('.').map(|(_, end)| end.to_owned()));
    let fine = |ending: &String| (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    let ending = last.filter(fine).unwrap_or_else(|| "bin".to_owned()).to_ascii_lowercase();
    let (publisher, offer, part) = (file_stem(key.publisher.as_str()), file_stem(key.offer.as_str()), part(at, 0));
    let names = (1..).map(|count| match count {
        1 => format!("assets/{publisher}/{offer}/{part}.{ending}"),
        count => format!("assets/{publisher}/{offer}/{part}-{count}.{ending}"),
    });
    let mut names = names.skip_while(|name| taken.contains(&name.to_ascii_lowercase()));
    let name = names.next().unwrap_or_default();
    taken.insert(name.to_ascii_lowercase());
    name
}

/// An identifier as the name of a file or folder that every system takes.
pub(crate) fn file_stem(id: &str) -> String {
    let first = id.split('.').next().unwrap_or(id).to_ascii_lowercase();
    let port = first.strip_prefix("com").or(first.strip_prefix("lpt"));
    let port = port.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()));
    match DEVICES.contains(&first.as_str()) || port {
        true => format!("_{id}"),
        false if id.ends_with('.') => format!("{id}_"),
        false => id.to_owned(),
    }
}

/// Whether identities can be the names of files as they are, and stay apart where case does not count. `dots` says whether they
/// may have one.
pub(super) fn are_file_names<'a>(ids: impl Iterator<Item = &'a &'a str>, dots: bool) -> bool {
    let mut seen = BTreeSet::new();
    let fine = |id: &str| {
        (1..=100).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && !id.contains(if dots { ".." } else { "." })
            && file_stem(id) == id
    };
    let mut ids = ids.peekable();
    ids.peek().is_some() && ids.all(|id| fine(id) && seen.insert(id.to_ascii_lowercase()))
}

/// The variable that stands for a secret. Its first word keeps it apart from the variables of other tools: the portal
/// must not choose one that holds a credential. Two offers never share one.
pub(super) fn variable(key: &OfferKey, field: &str) -> String {
    let upper = |text: &str| {
        let words = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        words.take(LONGEST).collect::<String>()
    };
    let (publisher, offer) = (key.publisher.as_str(), key.offer.as_str());
    let field = upper(field.rsplit('.').next().unwrap_or(field));
    let name = format!("OFFER_{}__{}__{field}", upper(publisher), upper(offer));
    let ambiguous = |id: &str| id.len() > LONGEST || id.contains(['.', '_']) || id.contains("--");
    match ambiguous(publisher) || ambiguous(offer) {
        false => name,
        true => {
            let digest = Digest::of(key.to_string().to_ascii_lowercase().as_bytes()).to_string();
            format!("{name}_{}", digest.chars().take(8).collect::<String>().to_ascii_uppercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> OfferKey {
        text.parse().expect("a key")
    }

    #[test]
    fn no_two_offers_share_a_variable_and_none_is_of_another_tool() {
        let keys = ["a/b", "a-b/c", "a/b-c", "a.b/c", "a_b/c", "a--b/c", "a/b--c", "azure/client", "AWS/secret"];
        let names = keys.map(|text| variable(&key(text), "x.client_secret"));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("OFFER_")), "{names:?}");
        assert_eq!(names[0], "OFFER_A__B__CLIENT_SECRET");
        assert_eq!(variable(&key("A/b"), "pwd"), variable(&key("a/B"), "pwd"));
    }

    #[test]
    fn names_of_files_are_of_a_small_alphabet_and_stay_apart() {
        let mut names = Names::of(&key("contoso/a.b"), false, false);
        let at = |field: &str| Address::default().key("definition").key("offer").key(field);
        let texts = ["m.description", "m.Description", "../../etc/passwd", "é\u{202e}", &"x".repeat(900)];
        let found = texts.map(|field| names.text(&at(field)).1);
        assert_eq!(found[0], "a.b.description.html");
        assert_eq!(found[1], "a.b.Description-2.html");
        assert!(found.iter().all(|name| name.len() < 80 && !name.contains(['/', '\\'])), "{found:?}");
        let (mut plan, path) = Names::of(&key("contoso/a"), true, false).of_plan("basic");
        assert_eq!(path, "a/plans/basic.yaml");
        let at = Address::default().key("definition").key("plans").id("basic").key("skuDescription");
        assert_eq!(plan.text(&at).1, "a/plans/basic.skuDescription.html");
        assert_eq!(plan.to_root("../../"), "../../../../");
    }

    #[test]
    fn names_of_devices_are_not_names_of_files() {
        for (id, stem) in [("con", "_con"), ("NUL.x", "_NUL.x"), ("com1", "_com1"), ("com", "com"), ("a.", "a._")] {
            assert_eq!(file_stem(id), stem);
        }
        assert!(
            !are_file_names(["con"].iter(), true)
                && !are_file_names(["a", "A"].iter(), true)
                && !are_file_names([].iter(), true)
        );
        assert!(
            !are_file_names(["../x"].iter(), true)
                && !are_file_names(["a b"].iter(), true)
                && are_file_names(["a", "b.c"].iter(), true)
        );
    }

    #[test]
    fn a_copy_is_saved_under_the_name_of_its_field() {
        let mut taken = BTreeSet::new();
        let at = Address::default().key("definition").key("offer").key("largeLogo");
        let mut name = |url: &str| asset(&key("contoso/a"), &at, url, &mut taken);
        assert_eq!(name("https://x/p/1.PNG?sig=a"), "assets/contoso/a/largeLogo.png");
        assert_eq!(name("https://x/p/2.png"), "assets/contoso/a/largeLogo-2.png");
        assert_eq!(name("https://x/p/..%2f..%2fx.sh%00"), "assets/contoso/a/largeLogo.bin");
    }
}

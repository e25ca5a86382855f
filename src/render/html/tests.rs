use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use html5gum::{Token, Tokenizer};
use snapbox::{assert_data_eq, file};

use crate::plan::{Context, Plan};
use crate::render::tests::gallery;

/// What the page may be made of: nothing that runs, loads or sends.
const TAGS: [&str; 46] = [
    "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "h4", "p", "code", "nav", "ul",
    "ol", "li", "div", "table", "thead", "tbody", "tr", "th", "td", "caption", "main", "section", "article", "footer",
    "span", "strong", "del", "ins", "details", "summary", "dl", "dt", "dd", "b", "i", "u", "em", "br", "sub", "sup",
];
const ATTRIBUTES: [&str; 16] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "href",
    "rel",
    "scope",
    "tabindex",
    "role",
    "aria-label",
    "aria-labelledby",
    "aria-hidden",
    "open",
];

/// What stands on the line of what is before it.
const INLINE: [&str; 16] =
    ["a", "code", "span", "strong", "del", "ins", "b", "i", "u", "em", "sub", "sup", "td", "th", "dt", "dd"];
const CELLS: [&str; 3] = ["td", "th", "dt"];

/// Returns the text of a page without the parts of listings that do not differ, and checks its tags on the way.
fn read(page: &str) -> String {
    let (mut text, mut ids, mut targets) = (String::new(), BTreeSet::new(), Vec::new());
    let (mut level, mut style) = (0, false);
    // How many blocks are open, from a part that does not differ on.
    let mut left_out = 0;
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for Ok(token) in Tokenizer::new(page) {
        match token {
            Token::StartTag(tag) => {
                let name = lossy(&tag.name);
                assert!(TAGS.contains(&name.as_str()), "<{name}>");
                style = name == "style";
                let same = tag.attributes.iter().any(|(key, value)| lossy(key) == "class" && lossy(value) == "part");
                left_out += usize::from(name == "div" && (same || left_out > 0));
                for (key, value) in &tag.attributes {
                    let (key, value) = (lossy(key), lossy(value));
                    assert!(ATTRIBUTES.contains(&key.as_str()), "<{name} {key}={value}>");
                    match key.as_str() {
                        "id" => assert!(ids.insert(value.clone()), "#{value} twice"),
                        "href" if value.starts_with('#') => targets.push(value[1..].to_owned()),
                        "href" => assert!(
                            ["http://", "https://", "mailto:"].iter().any(|start| value.starts_with(start)),
                            "{value}"
                        ),
                        "aria-labelledby" => targets.push(value),
                        _ => {}
                    }
                }
                if let Some(heading) = name.strip_prefix('h').and_then(|level| level.parse::<usize>().ok()) {
                    assert!(heading <= level + 1, "h{heading} after h{level}");
                    level = heading;
                }
                let block = match left_out {
                    0 if INLINE.contains(&name.as_str()) => '\u{0}',
                    0 => '\n',
                    _ => continue,
                };
                text.push(block);
            }
            Token::EndTag(tag) => {
                style = false;
                let name = lossy(&tag.name);
                match left_out {
                    0 if CELLS.contains(&name.as_str()) => text.push_str("   "),
                    0 => text.push('\u{0}'),
                    _ => left_out -= usize::from(name == "div"),
                }
            }
            Token::String(piece) if !style && left_out == 0 => text.push_str(&lossy(&piece)),
            Token::Comment(_) => panic!("a comment"),
            _ => {}
        }
    }
    for target in targets {
        assert!(ids.contains(&target), "nothing has the id {target}");
    }
    let lines = text.split('\n').map(|line| line.replace('\u{0}', "")).map(|line| line.trim().to_owned());
    lines.filter(|line| !line.is_empty()).fold(String::new(), |all, line| all + &line + "\n")
}

#[test]
fn the_gallery_as_a_page() {
    let all = gallery::rendered(&|plan| {
        let text = super::super::inert(&read(&super::plan(plan, false)));
        text.replace("Skip to the changes\n", "").replace("To the top\n", "")
    });
    assert_data_eq!(all, file!["../tests/gallery.html.txt"].raw());
}

#[test]
fn the_page_loads_and_runs_nothing() {
    let page = super::plan(&whole(), false);
    read(&page);
    assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
    assert!(!super::STYLE.contains("url(") && !super::STYLE.contains("@import") && !super::STYLE.contains('<'));
    for part in ["<html lang=\"en\">", "<main", "<nav aria-label=", "name=\"viewport\"", "prefers-color-scheme: dark"] {
        assert!(page.contains(part), "{part}");
    }
}

/// All plans of the gallery in one, without the megabytes.
fn whole() -> Plan {
    let cases = gallery::cases().iter().filter(|case| !case.name.contains("megabyte"));
    Plan::of(cases.flat_map(|case| case.plan.verdicts()), Context::default())
}

struct Browser {
    program: PathBuf,
    folder: PathBuf,
}

impl Browser {
    fn run(&self, args: &[&str], file: &str) -> String {
        let profile = tempfile::tempdir().expect("a folder");
        let ran = Command::new(&self.program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(args)
            .arg(format!("file://{}/{file}", self.folder.display()))
            .output()
            .expect("the browser starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    /// A picture of the whole page at a width, kept where it can be looked at. It is shown in a frame, which can be as
    /// narrow as a phone, and high enough that an anchor shows by its outline rather than by scrolling.
    fn picture(&self, name: &str, width: u32, dark: bool, anchor: &str) -> Vec<u8> {
        let frame = format!(
            "<!DOCTYPE html><style>:root {{ color-scheme: light dark }} body {{ margin: 0 }} \
             iframe {{ border: 0; display: block; color-scheme: light dark; width: {width}px; height: {HEIGHT}px }}</style>\
             <iframe src=\"plan.html{anchor}\"></iframe>"
        );
        std::fs::write(self.folder.join("frame.html"), frame).expect("written");
        let path = self.folder.join(format!("{name}.png"));
        let scheme = format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 });
        let size = format!("--window-size={},{HEIGHT}", width.max(500));
        self.run(&[&format!("--screenshot={}", path.display()), &size, &scheme], "frame.html");
        std::fs::read(&path).expect("a picture")
    }
}

/// Pixels that hold the page that is looked at.
const HEIGHT: u32 = 12_000;

/// A plan that fits into a picture.
fn looked_at() -> Plan {
    let shown = [
        "words of a description",
        "image versions come and go",
        "an image version with another number",
        "prices by region",
        "everything at once, the gravest first",
        "a new offer",
        "one changed, one as it is, two not read",
        "hostile: a listing",
    ];
    let cases = gallery::cases().iter().filter(|case| shown.contains(&case.name));
    Plan::of(cases.flat_map(|case| case.plan.verdicts()), Context::default())
}

/// Asked with `OFFERCTL_TEST_BROWSER=/usr/bin/chromium`; the pictures go to `OFFERCTL_TEST_PICTURES`.
#[test]
fn a_browser_shows_the_page() {
    let Some(program) = std::env::var_os("OFFERCTL_TEST_BROWSER").map(PathBuf::from) else {
        let mut stderr = std::io::stderr();
        let _ = std::io::Write::write_all(&mut stderr, b"not asked: OFFERCTL_TEST_BROWSER names no browser\n");
        return;
    };
    let temporary = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("OFFERCTL_TEST_PICTURES").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().to_path_buf());
    std::fs::create_dir_all(&folder).expect("a folder");
    let folder = folder.canonicalize().expect("a path");
    let page = super::plan(&looked_at(), false);
    std::fs::write(folder.join("plan.html"), &page).expect("written");
    let browser = Browser { program, folder };

    // What the browser made of it is what was written: nothing was added, moved or left out.
    let dom = browser.run(&["--dump-dom"], "plan.html");
    assert_eq!(read(&dom), read(&page));
    for part in ["id=\"deletions\"", "id=\"not-read\"", "class=\"prices\"", "class=\"card\"", "<del>"] {
        assert!(dom.contains(part), "{part}");
    }
    let tops = [("desktop", 1280), ("phone", 390)].map(|(name, width)| {
        let light = browser.picture(&format!("{name}-light"), width, false, "");
        let dark = browser.picture(&format!("{name}-dark"), width, true, "");
        assert_ne!(light, dark, "{name} looks the same in the dark");
        light
    });
    assert_ne!(tops[0], tops[1]);
    for anchor in ["#deletions", "#not-read", "#offer-1", "#offer-8"] {
        let there = browser.picture(&format!("desktop{}", anchor.replace('#', "-")), 1280, false, anchor);
        assert!(there != tops[0] && there.len() > tops[0].len() / 2, "{anchor} leads nowhere");
    }
    let nowhere = browser.picture("desktop-nowhere", 1280, false, "#nowhere");
    assert!(nowhere == tops[0], "an anchor that is not there changes the picture");
}

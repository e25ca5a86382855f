//! The same without coverage, on a stable compiler: mutates the corpus for a while. `mutate SECONDS [SEED]`.
//!
//! A file that breaks a promise is left in `artifacts/`.

use std::path::Path;
use std::time::{Duration, Instant};

const BITS: [&str; 36] = [
    "\u{feff}",
    "é",
    "日本",
    "\r\n",
    "\r",
    "\t",
    "\u{2028}",
    "😀",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "!absent",
    "!secret env:A",
    "&a ",
    "*a ",
    "|\n",
    ">-\n",
    "#",
    "? ",
    "<<: *a",
    "---\n",
    "1.10",
    "0755",
    "NO",
    "null",
    "\n",
    "  ",
    "!!str ",
    "<b>",
    "?sig=x&se=1",
    "99999999999999999999",
];

fn corpus() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["tests/it/gallery", "tests/it/fixtures", "offers", "fuzz/corpus/offer"];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok()).flatten();
    let mut paths = entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

fn place(random: &mut fastrand::Rng, text: &str) -> usize {
    text.floor_char_boundary(random.usize(0..=text.len()))
}

fn mutated(random: &mut fastrand::Rng, corpus: &[String]) -> String {
    let mut text = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..random.usize(1..8) {
        let at = place(random, &text);
        let end = text.ceil_char_boundary((at + random.usize(0..40)).min(text.len()));
        match random.u8(0..6) {
            0 => text.replace_range(at..end, ""),
            1 => text.insert_str(at, &text[at..end].to_owned()),
            2 => {
                let other = &corpus[random.usize(..corpus.len())];
                let from = place(random, other);
                let to = other.ceil_char_boundary((from + random.usize(0..400)).min(other.len()));
                text.insert_str(at, &other[from..to]);
            }
            3 => {
                // A line of the file once more, elsewhere.
                let lines = text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
                let line = lines.get(random.usize(0..=lines.len())).cloned().unwrap_or_default();
                let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                text.insert_str(start, &format!("{line}\n"));
            }
            _ => text.insert_str(at, BITS[random.usize(..BITS.len())]),
        }
    }
    text
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (seconds, seed) = (arguments.next().unwrap_or(60), arguments.next().unwrap_or_else(|| fastrand::u64(..)));
    let (mut random, corpus, begin) = (fastrand::Rng::with_seed(seed), corpus(), Instant::now());
    let (mut files, mut broken, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    corpus.iter().for_each(|text| offerctl_fuzz::check_offer_file(text.as_bytes()));
    while begin.elapsed() < Duration::from_secs(seconds) {
        let text = mutated(&mut random, &corpus);
        let start = Instant::now();
        if std::panic::catch_unwind(|| offerctl_fuzz::check_offer_file(text.as_bytes())).is_err() {
            broken += 1;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join(format!("{seed}-{files}.yaml")), &text).expect("written");
        }
        slowest = slowest.max(start.elapsed());
        files += 1;
    }
    println!("seed {seed}: {files} files, {broken} broke a promise, the slowest took {slowest:?}");
    std::process::exit(i32::from(broken > 0));
}

//! What `fmt` did, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::{document, findings};
use super::{Paint, plural, visible};
use crate::report::{Formatted, FormattedFile, Laid};

pub(crate) fn formatted(formatted: &Formatted, paint: Paint) -> String {
    let mut out = String::new();
    for FormattedFile { path, became } in &formatted.files {
        let path = visible(path, false);
        let _ = match became {
            Laid::Unchanged => Ok(()),
            Laid::Rewritten => writeln!(out, "{} {path}   rewritten", paint.changed("~")),
            Laid::Differs => writeln!(out, "{} {path}   has another layout", paint.changed("~")),
            Laid::Left(line) => {
                let mark = paint.removed("!");
                writeln!(
                    out,
                    "{mark} {path}:{line}   left as it is: in the new layout, this line would not say the same\n    hint: \
                     write it in another way, such as a text in quotes on one line, and run `offerctl fmt` again"
                )
            }
            Laid::Faulty => writeln!(out, "{} {path}   cannot be read", paint.removed("!")),
        };
    }
    let count = |laid: Laid| formatted.count(|became| became == laid);
    let left = formatted.count(|became| matches!(became, Laid::Left(_) | Laid::Faulty));
    let (differs, rewritten) = (count(Laid::Differs), count(Laid::Rewritten));
    let changed = match differs {
        0 => format!("{} rewritten", plural(rewritten, "file")),
        differs => format!("{} to rewrite", plural(differs, "file")),
    };
    let left = if left > 0 { format!(", {left} left as they are") } else { String::new() };
    let _ = writeln!(out, "{changed}, {} unchanged{left}.", count(Laid::Unchanged));
    out
}

pub(crate) fn formatted_json(formatted: &Formatted) -> String {
    let file = |FormattedFile { path, became }: &FormattedFile| -> Value {
        let (result, line) = match became {
            Laid::Unchanged => ("unchanged", None),
            Laid::Rewritten => ("rewritten", None),
            Laid::Differs => ("differs", None),
            Laid::Left(line) => ("left", Some(line)),
            Laid::Faulty => ("invalid", None),
        };
        json!({"file": path, "result": result, "line": line})
    };
    let content = json!({
        "exit_code": formatted.exit().code(),
        "files": formatted.files.iter().map(file).collect::<Vec<_>>(),
        "diagnostics": findings(&formatted.diagnostics),
    });
    document("offerctl.fmt", content)
}

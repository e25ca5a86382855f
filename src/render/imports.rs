//! What an import did, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::document;
use super::{Paint, not_read, plural, visible};
use crate::model::{Address, OfferName};
use crate::report::{Became, ImportedOffer, Imports};

pub(crate) fn imports(imports: &Imports, paint: Paint) -> String {
    let mut out = String::new();
    let (mut notes, mut differing) = (String::new(), String::new());
    for offer in &imports.offers {
        let ImportedOffer { key, became, .. } = offer;
        let _ = match became {
            Became::Written(files) => {
                let more = files.len().saturating_sub(1);
                let more = if more > 0 { format!(" and {}", plural(more, "more file")) } else { String::new() };
                writeln!(out, "{} {key}   {}{more}", paint.added("+"), files.first().map_or("", String::as_str))
            }
            Became::Kept(path) => {
                writeln!(out, "= {key}   already declared in {}; not changed", visible(path, false))
            }
            Became::Updated(path) => {
                writeln!(
                    out,
                    "{} {key}   {} updated with the portal's values",
                    paint.changed("~"),
                    visible(path, false)
                )
            }
            Became::Failed(why) => {
                writeln!(out, "{} {key}   not written: {}", paint.removed("!"), visible(why, false))
            }
        };
        if matches!(became, Became::Written(_)) {
            note(&mut notes, offer);
        }
        for address in &offer.differs {
            let _ = writeln!(differing, "  {key}   {}", shown(address));
        }
    }
    not_read(&mut out, &imports.unread, "not read", paint);
    for unlisted in &imports.unlisted {
        let publisher = visible(&unlisted.publisher, false);
        let _ =
            writeln!(out, "{} {publisher}   not listed\n    {}", paint.removed("?"), visible(&unlisted.cause, false));
        if let Some(hint) = &unlisted.hint {
            let _ = writeln!(out, "    hint: {}", visible(hint, false));
        }
    }
    if !notes.is_empty() {
        let _ = write!(out, "\nTo look at:\n{notes}");
    }
    if !differing.is_empty() {
        let _ = write!(out, "\nFiles that differ from their offers:\n{differing}");
    }
    let count = |kind: fn(&Became) -> bool| imports.offers.iter().filter(|offer| kind(&offer.became)).count();
    let written = count(|became| matches!(became, Became::Written(_)));
    let kept = count(|became| matches!(became, Became::Kept(_) | Became::Updated(_)));
    let failed = count(|became| matches!(became, Became::Failed(_)));
    let unread = imports.unread.len() + imports.unlisted.len();
    let written = plural(written, "offer");
    let _ = writeln!(
        out,
        "\n{written} written, {kept} already declared, {failed} failed, {unread} not read. Next: offerctl plan"
    );
    out
}

fn shown(address: &Address) -> String {
    visible(&address.to_string(), false)
}

fn note(notes: &mut String, ImportedOffer { key, imported, .. }: &ImportedOffer) {
    for (address, variable) in &imported.secrets {
        let _ = writeln!(notes, "  {key}   {}   a secret: set the variable {variable}", shown(address));
    }
    for (address, blob) in &imported.unsigned {
        let signed = if blob.is_some() { "; `!sas` signs it when it is written" } else { "" };
        let _ = writeln!(notes, "  {key}   {}   written without its signature{signed}", shown(address));
    }
    for (address, why) in &imported.left_out {
        let _ = writeln!(notes, "  {key}   {}   left to the portal: {}", shown(address), why.describe());
    }
}

pub(crate) fn imports_json(imports: &Imports) -> String {
    let content = json!({
        "exit_code": imports.exit().code(),
        "offers": imports.offers.iter().map(offer).collect::<Vec<_>>(),
        "unread": imports.unread,
        "unlisted": imports.unlisted,
    });
    document("offerctl.import", content)
}

fn offer(ImportedOffer { key, state, became, imported, differs }: &ImportedOffer) -> Value {
    let OfferName { api, offer } = key.name();
    let (result, files, cause) = match became {
        Became::Written(files) => ("written", files.clone(), None),
        Became::Kept(file) => ("kept", vec![file.clone()], None),
        Became::Updated(file) => ("updated", vec![file.clone()], None),
        Became::Failed(why) => ("failed", Vec::new(), Some(why)),
    };
    let secrets = imported.secrets.iter().map(|(at, name)| json!({"address": at.to_string(), "variable": name}));
    let left_out = imported.left_out.iter().map(|(at, why)| json!({"address": at.to_string(), "why": why.word()}));
    json!({
        "api": api,
        "offer": offer,
        "state": state,
        "result": result,
        "files": files,
        "cause": cause,
        "secrets": secrets.collect::<Vec<_>>(),
        "unsigned": imported.unsigned.iter().map(|(at, _)| at.to_string()).collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
        "differs": addresses(differs),
    })
}

fn addresses(addresses: &[Address]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

//! Addresses as people write them: `title`, `plans[basic]/vmImages[1.9.2]/osVhdUrl`, or a JSON pointer.

use crate::diagnostic::did_you_mean;
use crate::document::members_key;
use crate::model::{Address, Step};
use crate::schema::Shape;

/// Reads an address in an offer of a type. The wrappers `definition` and `definition/offer` may be left out, and names may be
/// short. In a pointer, a member of a list goes by its identity: `/definition/plans/basic/regions`.
///
/// # Errors
/// Says what is wrong with it, and which name is near.
pub(crate) fn parse(text: &str, shape: &Shape) -> Result<Address, String> {
    let parts = match text.strip_prefix('/') {
        Some(pointer) => {
            pointer.split('/').map(|part| Part::Either(part.replace("~1", "/").replace("~0", "~"))).collect()
        }
        None => parts(text)
            .ok_or_else(|| format!("`{text}` is not an address; write it as in a plan, such as `plans[ID]/regions`"))?,
    };
    let mut at = Address::default();
    let mut here = shape;
    for wrapper in wrappers(parts.first(), shape, text.starts_with('/')) {
        at = here.address(&at, wrapper);
        here = here.property(wrapper);
    }
    for part in &parts {
        (at, here) = step(&at, here, part)?;
    }
    Ok(at)
}

enum Part {
    Key(String),
    Id(String),
    /// A token of a pointer.
    Either(String),
}

/// Splits `a[id]/b` at its slashes and brackets. Identities may hold anything but brackets.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (id, after) = inner.split_once(']')?;
            parts.push(Part::Id(id.to_owned()));
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('/').filter(|_| !parts.is_empty()).unwrap_or(rest);
        let (key, after) = rest.split_at(rest.find(['/', '[']).unwrap_or(rest.len()));
        if key.is_empty() {
            return None;
        }
        parts.push(Part::Key(key.to_owned()));
        rest = after;
    }
    (!parts.is_empty()).then_some(parts)
}

/// The wrappers that an address leaves out: those of the nearest object that has a property of its first name.
fn wrappers(first: Option<&Part>, shape: &Shape, is_pointer: bool) -> &'static [&'static str] {
    const OFFER: &[&str] = &["definition", "offer"];
    let Some(Part::Key(name)) = first.filter(|_| !is_pointer) else { return &[] };
    let definition = shape.property("definition");
    let has = |shape: &Shape| full_name(shape, name).is_some();
    match name.as_str() {
        _ if has(shape) || name == "definition" => &[],
        "offer" | "plans" => &OFFER[..1],
        _ if has(definition) => &OFFER[..1],
        _ => OFFER,
    }
}

/// The property of a schema that a name stands for.
pub(super) fn full_name<'s>(shape: &'s Shape, name: &'s str) -> Option<&'s str> {
    if shape.names(name) {
        return Some(name);
    }
    let labelled = shape.labelled(name);
    if labelled != name {
        return Some(labelled);
    }
    let mut ending = shape
        .properties()
        .map(|(full, _)| full)
        .filter(|full| full.rsplit_once('.').is_some_and(|(_, short)| short == name));
    ending.next().filter(|_| ending.next().is_none())
}

fn step<'s>(at: &Address, shape: &'s Shape, part: &Part) -> Result<(Address, &'s Shape), String> {
    let is_list = members_key(shape).is_some();
    match part {
        Part::Either(id) | Part::Id(id) if is_list => Ok((at.with(Step::Id(id)), shape.item())),
        Part::Key(name) if is_list => Err(format!("`{at}` is a list; name the member: `{at}[ID]/{name}`")),
        Part::Id(id) if !shape.rules.exact_entries && shape.properties().next().is_some() => {
            Err(format!("`{at}` has no members; write `{at}/{id}`"))
        }
        Part::Id(id) => Ok((at.with(Step::Id(id)), shape.property(id))),
        Part::Either(name) | Part::Key(name) => {
            let full = full_name(shape, name);
            let known = shape.properties().map(|(full, _)| shape.label(full));
            if full.is_none() && !shape.has_free_names(name) && shape.properties().next().is_some() {
                // A name that nobody describes may be new; one that is nearly another is a typing error.
                if let Some(near) = did_you_mean(name, known) {
                    return Err(format!("`{name}` is not a field here; did you mean `{near}`?"));
                }
            }
            let full = full.unwrap_or(name);
            Ok((shape.address(at, full), shape.property(full)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;

    fn read(text: &str) -> Result<String, String> {
        parse(text, Schemas::builtin().shape("microsoft-azure-virtualmachines")).map(|address| {
            let steps = address.steps().map(|step| match step {
                Step::Key(key) => key.to_owned(),
                Step::Id(id) => format!("[{id}]"),
            });
            steps.collect::<Vec<_>>().join(" ")
        })
    }

    #[test]
    fn addresses_are_read_as_plans_print_them() {
        for (text, steps) in [
            ("title", "definition offer title"),
            ("microsoft-azure-marketplace.title", "definition offer title"),
            ("definition/offer/title", "definition offer title"),
            ("/definition/offer/microsoft-azure-marketplace.title", "definition offer title"),
            ("displayText", "definition displayText"),
            ("plans[basic]/regions", "definition plans [basic] regions"),
            ("plans[a.b]/vmImages[1.9.2]/osVhdUrl", "definition plans [a.b] vmImages [1.9.2] osVhdUrl"),
            (
                "/definition/plans/basic/microsoft-azure-virtualmachines.vmImages/1.9.2",
                "definition plans [basic] vmImages [1.9.2]",
            ),
            ("publisherId", "publisherId"),
            ("vendor.new", "definition offer vendor.new"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(steps), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_a_suggestion() {
        for (text, part) in [
            ("", "not an address"),
            ("plans[basic", "not an address"),
            ("a//b", "not an address"),
            ("plans/regions", "plans[ID]/regions"),
            ("plans[basic]/region", "did you mean `regions`"),
        ] {
            let why = read(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}

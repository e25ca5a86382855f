//! `offerctl show`: an offer as the portal holds it.

use serde_json::Value;

use super::diff;
use super::home::{SCHEMA, without_credential};
use super::observe;
use super::shell::Shell;
use crate::cli::{Format, Names, OfferAt, ShowArgs, SideArg};
use crate::document;
use crate::error::{Error, Exit, Result};
use crate::import::{self, Options};
use crate::live::Live;
use crate::model::Node;
use crate::plan::Unread;
use crate::portal::Reader;
use crate::redact;
use crate::render;
use crate::schema::Shape;

pub(super) async fn run(shell: &Shell, args: &ShowArgs) -> Result<Exit> {
    let OfferAt { key, state } = &args.offer;
    let declared = declared(shell, &args.offer)?;
    let read = shell
        .with_portal(async |portal| shell.until_stopped(async { Ok(read(&portal.reader, &args.offer).await) }).await);
    let live = read.await?.map_err(|unread| cannot_read(*state, &unread))?;
    let shape = shell.schemas.shape(offer_type(&live));
    let redacted = document::redacted_beside(&live, declared.as_deref(), shape);
    let text = yaml(args, &live, &redacted, shape);
    without_credential(&text).map_err(|why| Error::invalid(format!("{key} is not shown: {why}")))?;
    shell.emit(&|format, _| match format {
        Format::Json => render::shown_json(key, &state.to_string(), &redacted),
        _ => text.clone(),
    })?;
    Ok(Exit::Done)
}

fn yaml(args: &ShowArgs, live: &Value, redacted: &Value, shape: &Shape) -> String {
    let mut live = live.clone();
    hide_declared(&mut live, redacted);
    let options = Options {
        wire_names: args.names == Names::Wire,
        full: args.full,
        to_root: "../../",
        schema: Some(SCHEMA),
        ..Options::default()
    };
    import::write(&args.offer.key, &live, shape, options).text().to_owned()
}

/// Empties what a file declares as a secret though neither its name nor its form says that it is one.
pub(super) fn hide_declared(live: &mut Value, redacted: &Value) {
    match (live, redacted) {
        (Value::Object(live), Value::Object(redacted)) => {
            for (name, value) in live.iter_mut() {
                if let Some(redacted) = redacted.get(name).filter(|_| !redact::is_secret_name(name)) {
                    hide_declared(value, redacted);
                }
            }
        }
        (Value::Array(live), Value::Array(redacted)) => {
            live.iter_mut().zip(redacted).for_each(|(live, redacted)| hide_declared(live, redacted));
        }
        (Value::String(text), redacted) if redacted != text && redact::holds_secret(text) => {}
        (live, redacted) if live != redacted => *live = Value::Null,
        _ => {}
    }
}

/// What the project's file declares, if there is one.
pub(super) fn declared(shell: &Shell, offer: &OfferAt) -> Result<Option<std::sync::Arc<Node>>> {
    let Some(_) = shell.project_if_any()? else { return Ok(None) };
    let (_, loaded) = shell.read_project(&[])?;
    let offers = loaded.offers.iter().chain(&loaded.faulty);
    let is_it = |key: &crate::model::OfferKey| key.to_string().eq_ignore_ascii_case(&offer.key.to_string());
    Ok(offers.into_iter().find(|desired| is_it(&desired.key)).map(|desired| std::sync::Arc::clone(&desired.document)))
}

pub(super) fn offer_type(live: &Value) -> &str {
    live.get("offerTypeId").and_then(Value::as_str).unwrap_or_default()
}

/// Reads an offer in one of its states. An answer that is of another offer is no answer.
pub(super) async fn read(reader: &Reader, OfferAt { key, state }: &OfferAt) -> Result<Value, Unread> {
    let unread = |cause: &str| Unread { key: key.clone(), cause: cause.to_owned(), hint: None, denied: false };
    let live = match diff::read(reader, key, *state).await.map_err(|problem| observe::unread(key, &problem))? {
        Some(Live::Present(offer)) => offer.document,
        Some(Live::Absent) | None => return Err(unread(&format!("{state} is empty"))),
    };
    let text = |name: &str| live.get(name).and_then(Value::as_str).unwrap_or_default();
    let named = (text("publisherId"), text("id"));
    if !named.0.eq_ignore_ascii_case(key.publisher.as_str()) || !named.1.eq_ignore_ascii_case(key.offer.as_str()) {
        return Err(unread(&format!("the answer is for another offer, `{}/{}`", named.0, named.1)));
    }
    if text("offerTypeId").is_empty() {
        return Err(unread("the answer has no offerTypeId"));
    }
    Ok(live)
}

/// The error of an offer that could not be read.
pub(super) fn cannot_read(state: SideArg, Unread { key, cause, hint, denied }: &Unread) -> Error {
    let exit = if *denied { Exit::Denied } else { Exit::Failed };
    let error = Error::new(exit, format!("{key}@{state} cannot be read: {cause}"));
    hint.iter().fold(error, |error, hint| error.hint(hint))
}

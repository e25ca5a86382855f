//! `offerctl schema`: what is known of offers, for people and editors, and a beginning for what is not.

use serde_json::Value;

use super::shell::Shell;
use crate::cli::{SchemaArgs, SchemaCommand};
use crate::diagnostic::did_you_mean;
use crate::error::{Error, Exit, Result};
use crate::infer;
use crate::live::Live;
use crate::model::OfferKey;
use crate::schema::{Bundle, Schemas};

pub(super) async fn run(shell: &Shell, args: &SchemaArgs) -> Result<Exit> {
    // The schemas of a project that cannot be used are no schemas to show.
    shell.project_if_any()?;
    let text = match &args.command {
        SchemaCommand::List => shell.schemas.types().map(|name| line(&shell.schemas, name)).collect(),
        SchemaCommand::Show { offer_type } => {
            let schema = match offer_type.as_deref() {
                None => shell.schemas.bundle(Bundle::OfferFile),
                Some(offer_type) => shell.schemas.bundle(Bundle::Type(known(shell, offer_type)?)),
            };
            format!("{schema:#}\n")
        }
        SchemaCommand::Infer { from } => format!("{:#}\n", infer(shell, from).await?),
    };
    shell.to_stdout(&text)?;
    Ok(Exit::Done)
}

fn line(schemas: &Schemas, offer_type: &str) -> String {
    let schema = schemas.bundle(Bundle::Type(offer_type));
    let title = schema["title"].as_str().unwrap_or_default();
    format!("{offer_type:33} {title}\n")
}

/// Types without a schema of their own are shown the generic one, which is what their offers are read by.
fn known<'a>(shell: &Shell, offer_type: &'a str) -> Result<&'a str> {
    if shell.schemas.types().any(|name| name == offer_type) {
        return Ok(offer_type);
    }
    if offer_type.starts_with("microsoft-") {
        shell.term.say(&format!("`{offer_type}` has no schema; showing the schema of all offers"));
        return Ok(offer_type);
    }
    let near = did_you_mean(offer_type, shell.schemas.types());
    let ends = shell.schemas.types().find(|name| name.ends_with(offer_type));
    let hint = near.or(ends).map_or_else(
        || "run `offerctl schema list` to list the types with a schema".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Err(Error::invalid(format!("`{offer_type}` is not a known offer type")).hint(hint))
}

/// A schema from documents: of files, and of offers on the portal.
async fn infer(shell: &Shell, from: &[String]) -> Result<Value> {
    let (files, offers): (Vec<&String>, Vec<&String>) = from.iter().partition(|name| name.ends_with(".json"));
    let mut documents = files.into_iter().map(|path| document(path)).collect::<Result<Vec<_>>>()?;
    let keys = offers.into_iter().map(|name| key(name)).collect::<Result<Vec<_>>>()?;
    if !keys.is_empty() {
        let read = shell.with_portal(async |portal| shell.until_stopped(live(&portal.reader, &keys)).await);
        documents.extend(read.await?);
    }
    let type_of = |document: &Value| document.get("offerTypeId").and_then(Value::as_str).map(ToOwned::to_owned);
    let types = documents.iter().map(type_of).collect::<Option<std::collections::BTreeSet<_>>>();
    let Some(types) = types else {
        return Err(
            Error::invalid("a document has no `offerTypeId`").hint("pass whole offers, as the portal returns them")
        );
    };
    let mut types = types.into_iter();
    let (Some(offer_type), None) = (types.next(), types.next()) else {
        return Err(Error::invalid("the documents are offers of several types").hint("infer one schema at a time"));
    };
    let has_schema = shell.schemas.types().any(|name| name == offer_type);
    Ok(infer::infer(&offer_type, &documents, shell.schemas.shape(&offer_type), has_schema))
}

fn document(path: &str) -> Result<Value> {
    let text =
        crate::text::read(path.as_ref()).map_err(|error| Error::invalid(format!("cannot read {path}: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::invalid(format!("{path} is not JSON: {error}")).hint("pass the body of a GET"))
}

fn key(name: &str) -> Result<OfferKey> {
    let hint = "pass publisher/offer, or a .json file with the body of a GET";
    let (publisher, offer) = name
        .split_once('/')
        .ok_or_else(|| Error::invalid(format!("`{name}` is not an offer or a .json file")).hint(hint))?;
    match (publisher.parse(), offer.parse()) {
        (Ok(publisher), Ok(offer)) => Ok(OfferKey { publisher, offer }),
        (Err(error), _) | (_, Err(error)) => Err(Error::invalid(format!("`{name}`: {error}")).hint(hint)),
    }
}

async fn live(reader: &crate::portal::Reader, keys: &[OfferKey]) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    for key in keys {
        match reader.offer(key).await {
            Ok(Live::Present(offer)) => documents.push(offer.document),
            Ok(Live::Absent) => return Err(Error::failed(format!("the portal has no offer {key}"))),
            Err(problem) => {
                let exit = if problem.is_denied() { Exit::Denied } else { Exit::Failed };
                return Err(Error::new(exit, format!("{key} cannot be read: {problem}")));
            }
        }
    }
    Ok(documents)
}

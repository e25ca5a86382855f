//! Values from the command line, by the type that the schema expects.

use serde_json::Value;

use crate::edit;
use crate::import;
use crate::model::{Address, OfferKey};
use crate::schema::{Shape, Type};
use crate::yaml::Yaml;

/// Reads a value for an address. A text is taken as it is where the schema takes texts, or says nothing; any other value is
/// read as YAML. A signed URL of a blob becomes `!sas` without its signature.
///
/// # Errors
/// Says what the schema expects there, or why a file may not hold the value.
pub(crate) fn value(text: &str, shape: &Shape, at: &Address, key: &OfferKey) -> Result<Yaml, String> {
    let takes_text = shape.types.is_empty() || shape.types.contains(&Type::String);
    let read = match takes_text {
        true => Yaml::Scalar(Value::String(text.to_owned())),
        false => edit::parse(text).ok_or_else(|| format!("`{at}` takes {}, and this is not YAML", expected(shape)))?,
    };
    let Yaml::Scalar(scalar) = &read else {
        let fits = matches!((&read, shape.types.as_slice()), (Yaml::Tagged(..), _))
            || shape.types.contains(if matches!(read, Yaml::List(_)) { &Type::Array } else { &Type::Object });
        return if fits { Ok(read) } else { Err(format!("`{at}` takes {}", expected(shape))) };
    };
    if !takes_text && !shape.types.iter().any(|expected| is_of(scalar, *expected)) {
        return Err(format!("`{at}` takes {}", expected(shape)));
    }
    import::value(key, scalar, shape, at, false).map_err(|why| match why {
        import::LeftOut::Secret => {
            format!("`{at}` is a secret, which no file may hold; give --yaml '!secret env:NAME'")
        }
        why => format!("`{at}` cannot be declared so: {}", why.describe()),
    })
}

fn is_of(value: &Value, expected: Type) -> bool {
    match expected {
        Type::Null => value.is_null(),
        Type::Boolean => value.is_boolean(),
        Type::Integer => value.as_number().is_some_and(|number| !number.to_string().contains(['.', 'e', 'E'])),
        Type::Number => value.is_number(),
        Type::String => value.is_string(),
        Type::Array | Type::Object => false,
    }
}

fn expected(shape: &Shape) -> String {
    let names = shape.types.iter().map(|expected| match expected {
        Type::Array => "a list, such as `[DE, NL]`".to_owned(),
        Type::Object => "a mapping".to_owned(),
        Type::Integer => "an integer".to_owned(),
        other => format!("a {}", other.name()),
    });
    names.collect::<Vec<_>>().join(" or ")
}

//! Reads bodies: JSON within limits, without what two readers may understand differently. Used by every route with a body.

use std::{fmt, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use futures_util::StreamExt;
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use uzel_core::diagnostic::Code;

use crate::{Server, problem::Problem};

/// Lists and maps in each other, at most.
const DEPTH: usize = 64;

/// A body that was a JSON object of this type.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Server>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Problem> {
        let Any(value) = Any::from_request(request, server).await?;
        // A list would be taken for the fields in their order.
        if !value.is_object() {
            return Err(bad("the body must be a JSON object"));
        }
        serde_json::from_value(value).map(Json).map_err(|error| bad(error.to_string()))
    }
}

/// A body that was any JSON; none is an empty object.
pub(crate) struct Any(pub(crate) Value);

impl FromRequest<Arc<Server>> for Any {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Problem> {
        is_json(request.headers())?;
        let bytes = read(request.into_body(), server).await?;
        if bytes.is_empty() { Ok(Self(Value::Object(Map::new()))) } else { parse(&bytes).map(Self) }
    }
}

fn bad(cause: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, cause).hint("`GET /openapi.json` describes every request")
}

/// A body without a type is taken for JSON; a form or a text that another site could send is not.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or("?");
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("the body is `{}`, and must be JSON", kind.chars().take(100).collect::<String>());
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BAD_REQUEST, message);
    Err(problem.hint("send it with `content-type: application/json`"))
}

/// The bytes of a body, at most so many and within the time.
pub(crate) async fn read(body: Body, server: &Server) -> Result<Vec<u8>, Problem> {
    let most = server.settings.most_body;
    let late = server.runner.engine().shared.world.sleep(server.settings.patience);
    let all = async {
        let mut bytes = vec![];
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| bad("the body was cut off"))?;
            if bytes.len() + piece.len() > most {
                let message = format!("the body is larger than {most} bytes");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BAD_REQUEST, message));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    tokio::select! {
        bytes = all => bytes,
        () = late => {
            let message = "the body did not come in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, Code::BAD_REQUEST, message))
        }
    }
}

/// JSON without names that stand twice in one map, and not too deep.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| bad(format!("the body is not JSON that can be taken: {error}")))
}

/// A value at this depth.
struct Strict(usize);

impl Strict {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.0 < DEPTH { Ok(Self(self.0 + 1)) } else { Err(E::custom(format!("it is more than {DEPTH} deep"))) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = vec![];
        while let Some(item) = seq.next_element_seed(self.below()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.below()?)?;
            if fields.insert(name.clone(), value).is_some() {
                return Err(serde::de::Error::custom(format!("the name `{name}` stands twice in one map")));
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &[u8]) -> String {
        match parse(text) {
            Ok(value) => value.to_string(),
            Err(problem) => problem.detail,
        }
    }

    #[test]
    fn what_two_readers_may_understand_differently_is_refused() {
        assert_eq!(
            said(br#"{"a": [1, -2, 0.5, "x", null, true], "b": {}}"#),
            r#"{"a":[1,-2,0.5,"x",null,true],"b":{}}"#
        );
        assert!(said(br#"{"a": 1, "a": 2}"#).contains("`a` stands twice"));
        assert!(said(br#"{"a": {"b": 1, "b": 1}}"#).contains("`b` stands twice"));
        assert!(said(b"{\"a\": \"\xff\"}").contains("not JSON"));
        assert!(said(b"{} {}").contains("trailing"));
        assert!(said(b"{").contains("EOF"));
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(said(deep(DEPTH).as_bytes()), deep(DEPTH));
        assert!(said(deep(DEPTH + 2).as_bytes()).contains("deep"));
        assert!(said(deep(10_000).as_bytes()).contains("deep"));
    }
}

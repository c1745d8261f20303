//! The OpenAPI 3.1 document, made from the table of routes and the types of requests and answers.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// What the document says about a route.
pub(crate) struct Operation {
    method: &'static str,
    pub(crate) path: &'static str,
    id: &'static str,
    summary: &'static str,
    body: Option<Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
}

impl Operation {
    pub(crate) fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let parameters = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = parameters
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        let parameters = parameters.collect();
        Self { method, path, id, summary, body: None, parameters, answers: Map::new() }
    }

    pub(crate) fn body(self, schema: Value) -> Self {
        Self { body: Some(schema), ..self }
    }

    pub(crate) fn header(mut self, name: &str, description: &str) -> Self {
        let schema = json!({ "type": "string" });
        self.parameters.push(json!({ "name": name, "in": "header", "description": description, "schema": schema }));
        self
    }

    pub(crate) fn query(mut self, parameters: Vec<Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub(crate) fn gives(mut self, status: u16, description: &str, schema: Option<&Value>) -> Self {
        let mut answer = json!({ "description": description });
        if let Some(schema) = schema {
            answer["content"] = json!({ "application/json": { "schema": schema } });
        }
        self.answers.insert(status.to_string(), answer);
        self
    }

    pub(crate) fn fails(mut self, statuses: &[u16]) -> Self {
        // What may be said to any request, besides.
        for status in [&[400, 403, 421], statuses].concat() {
            let problem = json!({ "$ref": "#/components/responses/Problem" });
            self.answers.entry(status.to_string()).or_insert(problem);
        }
        self
    }

    /// As [`fails`](Self::fails), with errors as OpenAI's API has them.
    pub(crate) fn speaks_openai(self, statuses: &[u16]) -> Self {
        statuses.iter().fold(self, |this, status| this.gives(*status, "An error.", Some(&Value::Bool(true))))
    }
}

/// Schemas of types, each once.
pub(crate) struct Schemas(SchemaGenerator);

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self(settings.into_generator())
    }
}

impl Schemas {
    /// A reference to the schema of a type.
    pub(crate) fn of<T: JsonSchema>(&mut self) -> Value {
        self.0.subschema_for::<T>().to_value()
    }

    /// The fields of a type as parameters of a query.
    pub(crate) fn parameters<T: JsonSchema>(&self) -> Vec<Value> {
        let schema = self.0.clone().into_root_schema_for::<T>().to_value();
        let fields = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let parameter = |(name, mut schema): (String, Value)| {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            json!({ "name": name, "in": "query", "description": description, "schema": schema })
        };
        fields.into_iter().map(parameter).collect()
    }
}

/// The document.
pub(crate) fn document<'o>(operations: impl Iterator<Item = &'o Operation>, mut schemas: Schemas) -> Value {
    let problem = schemas.of::<Problem>();
    let mut paths = Map::new();
    for operation in operations {
        let mut said = json!({
            "operationId": operation.id,
            "summary": operation.summary,
            "responses": operation.answers,
        });
        if !operation.parameters.is_empty() {
            said["parameters"] = json!(operation.parameters);
        }
        if let Some(body) = &operation.body {
            said["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
        }
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = said;
    }
    let content = json!({ "application/problem+json": { "schema": problem } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "uzel", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas.0.take_definitions(true),
            "responses": { "Problem": { "description": "What is wrong, and what to do.", "content": content } },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    #[test]
    fn every_route_is_described_and_every_reference_is_there() {
        let document = crate::openapi();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 14, "{:?}", paths.keys());
        let mut ids = BTreeSet::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
                assert!(!operation["responses"].as_object().unwrap().is_empty(), "{method} {path}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        // What people read of a field is the comment of its type.
        let by = &document["components"]["schemas"]["StartBody"]["properties"]["dry_run"]["description"];
        assert_eq!(by, &Value::from("Whether tools that write are left out."));
    }
}

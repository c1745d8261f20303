//! Tests of the built-in functions.

use expect_test::expect;
use serde_json::json;

use super::*;

fn run(name: &str, argument: Value) -> String {
    match (builtin(name).unwrap().run)(&argument) {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn results() {
    let cases = [
        ("concat", json!({"values": [[1], null, [2, 3]]})),
        ("concat", json!({"values": ["a", "b"], "separator": ", "})),
        ("concat", json!({"values": ["a", [1]]})),
        ("merge", json!({"values": [{"a": {"x": 1}, "b": 1}, null, {"a": {"y": 2}}]})),
        ("merge", json!({"values": [{"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}], "deep": true})),
        ("pick", json!({"from": [{"a": 1, "b": 2}, {"b": 3}], "fields": ["b", "a"]})),
        ("pick", json!({"from": 1, "fields": []})),
        ("sort_by", json!({"values": [{"n": 2}, {}, {"n": 10}, {"n": 1.5}], "by": "n"})),
        ("sort_by", json!({"values": [2, null, 10, "b", "a"], "descending": true})),
        ("unique", json!({"values": [{"a": 1, "b": 2}, {"b": 2, "a": 1}, 1, 1, "1"]})),
        ("unique", json!({"values": [{"c": {"id": 1}, "n": 1}, {"c": {"id": 1}, "n": 2}], "by": "c.id"})),
        ("sum", json!({"values": [0.1, 0.2, 3]})),
        ("sum", json!({"values": [1e300]})),
        ("sum", json!({"values": [9_007_199_254_740_993_i64, 2, -0.5, 0.5]})),
        ("round_money", json!({"amount": 2.675})),
        ("round_money", json!({"amount": -2.665, "mode": "half_even"})),
        ("round_money", json!({"amount": 2.671, "mode": "up", "decimals": 1})),
        ("round_money", json!({"amount": -0.009, "mode": "down"})),
        ("date_diff", json!({"from": "2024-01-31", "to": "2024-03-01", "unit": "days"})),
        ("date_diff", json!({"from": "2024-01-31", "to": "2024-02-29", "unit": "months"})),
        ("date_diff", json!({"from": "2024-03-01T00:00:00+02:00", "to": "2024-02-29T21:00:00Z", "unit": "hours"})),
        ("date_diff", json!({"from": "tomorrow", "to": "2024-02-29", "unit": "days"})),
        ("date_add", json!({"date": "2024-01-31", "amount": 1, "unit": "months"})),
        ("date_add", json!({"date": "2024-12-31T23:30:00Z", "amount": 45, "unit": "minutes"})),
        ("date_add", json!({"date": "2024-12-31", "amount": i64::MAX, "unit": "years"})),
        ("json_parse", json!({"text": "```json\n{\"a\": 1}\n```"})),
        ("json_parse", json!({"text": "{a}"})),
        ("json_stringify", json!({"value": {"b": 1, "a": null}})),
        ("hash", json!({"value": "abc"})),
        ("chunk_text", json!({"text": "One two. Three four five.\n\nSix seven.", "max_chars": 14, "overlap": 5})),
        ("chunk_text", json!({"text": "x", "max_chars": 5, "overlap": 5})),
        ("sum", json!({"value": [1]})),
    ];
    let table: String =
        cases.into_iter().map(|(name, argument)| name.to_owned() + " " + &run(name, argument) + "\n").collect();
    expect![[r#"
        concat [1,2,3]
        concat "a, b"
        concat error: `values[1]` does not go with the others: give only lists or only texts
        merge {"a":{"y":2},"b":1}
        merge {"a":{"x":1,"y":2},"b":1}
        pick [{"b":2,"a":1},{"b":3}]
        pick error: `from` must be an object or a list of objects
        sort_by [{"n":1.5},{"n":2},{"n":10},{}]
        sort_by ["b","a",10,2,null]
        unique [{"a":1,"b":2},1,"1"]
        unique [{"c":{"id":1},"n":1}]
        sum 3.3
        sum error: `values[0]` is too big or too small to be added exactly: 1e+300
        sum 9007199254740995
        round_money 2.68
        round_money -2.66
        round_money 2.7
        round_money 0
        date_diff 30
        date_diff 1
        date_diff -1
        date_diff error: `from`: "tomorrow" is no date: write 2024-02-29 or 2024-02-29T12:30:00Z
        date_add "2024-02-29"
        date_add "2025-01-01T00:15:00Z"
        date_add error: 2024-12-31 and 9223372036854775807 years more is outside of the years 0 to 9999
        json_parse {"a":1}
        json_parse error: `text` is no JSON: key must be a string at line 1 column 2
        json_stringify "{\"b\":1,\"a\":null}"
        hash "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        chunk_text [{"index":0,"start":0,"text":"One two. "},{"index":1,"start":4,"text":"two. Three "},{"index":2,"start":15,"text":"four five.\n\n"},{"index":3,"start":26,"text":"\nSix seven."}]
        chunk_text error: `max_chars` is 5 and `overlap` 5: it must be over 0 and over the overlap
        sum error: the parameters do not fit: unknown field `value`, expected `values`
    "#]].assert_eq(&table);
}

#[test]
fn the_list_is_sorted_and_every_schema_compiles() {
    assert!(BUILTINS.is_sorted_by_key(|builtin| builtin.name));
    for builtin in BUILTINS {
        assert!(
            jsonschema::validator_for(&(builtin.params)()).is_ok()
                && jsonschema::validator_for(&(builtin.result)()).is_ok()
        );
        assert_eq!((builtin.params)()["type"], "object", "{}", builtin.name);
    }
    assert_eq!(run("hash", json!({"value": {"b": 1, "a": 2}})), run("hash", json!({"value": {"a": 2, "b": 1}})));
}

proptest::proptest! {
    #[test]
    fn chunks_cover_the_text(text in "([a-zé]{1,9}[ .\\n]{1,2}){0,60}|\\PC{0,100}", max in 1_usize..40, overlap in 0_usize..39) {
        proptest::prop_assume!(overlap < max);
        let chunks = (builtin("chunk_text").unwrap().run)(&json!({"text": text, "max_chars": max, "overlap": overlap})).unwrap();
        let chars: Vec<char> = text.chars().collect();
        let mut end = 0;
        for chunk in chunks.as_array().unwrap() {
            let (start, piece) = (chunk["start"].as_u64().unwrap() as usize, chunk["text"].as_str().unwrap());
            let length = piece.chars().count();
            proptest::prop_assert!(length <= max && length > 0 && start <= end && end - start <= overlap);
            proptest::prop_assert_eq!(chars[start..start + length].iter().collect::<String>(), piece);
            proptest::prop_assert!(start + length > end);
            end = start + length;
        }
        proptest::prop_assert_eq!(end, chars.len());
    }
}

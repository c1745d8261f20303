# Recipes are one line each; longer logic lives in scripts/ and xtask/.

# The batch of `make demo`, in one place: the README and the tests quote it from here.
DEMO := examples/support-triage/app.yaml --inputs examples/support-triage/tickets.jsonl --parallel 8 --summary category,outcome
# Seconds of `make fuzz` (and of its part in `make test`); first seed of `make sim` and `make rules`, and how many of the
# latter.
seconds ?= 120
seed ?= 0
count ?= 3000
# Random kills of `make battery`, for each of its tests.
kills ?= 200

.DEFAULT_GOAL := help
.PHONY: help demo check test lint fix generate sim rules battery ci bench fuzz

help: ## list the recipes
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## build, then run the support desk over its tickets: no key, no server, no network after the build
	cargo build --release -p uzel && target/release/uzel run $(DEMO)

check: ## fast checks: format, lints
	cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

test: lint fuzz ## everything CI runs; the tests come last, so that their summary is the last thing to read
	cargo test --workspace

lint: check ## check, repository rules, licences and bans of dependencies
	cargo run -q -p xtask -- tidy && scripts/deny

fix: ## format and apply what clippy can fix by itself
	cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets && cargo fmt --all

generate: ## write the schema and the reference again (their test fails when they are stale)
	UZEL_GENERATE=1 cargo test -p uzel generated

sim: ## runs cut off at random moments, 40 seeds from one: make sim seed=42
	UZEL_SIM_SEED=$(seed) cargo test -p uzel-runtime --test it crash

rules: ## random apps against a second reading of the rules, some thousand seeds from one: make rules seed=42 count=1
	UZEL_RULES_SEED=$(seed) UZEL_RULES_COUNT=$(count) cargo test -p uzel-runtime --test it random_apps -- --nocapture

battery: ## the long form: kills at every record and at random moments, every operation failing, power cuts, flipped bytes: make battery kills=1000
	UZEL_BATTERY=1 UZEL_BATTERY_KILLS=$(kills) cargo test -p uzel-runtime --test it -- store_ battery && UZEL_BATTERY=1 UZEL_BATTERY_KILLS=$(kills) cargo test -p uzel --test it -- disk:: kill::

ci: test ## what CI runs

bench: ## what checks, runs, nodes, records and the editor cost; docs/benchmarks.md says how to read it
	cargo build --release -p uzel -p uzel-bench
	target/release/check && target/release/engine target && target/release/nodes && target/release/waiting
	cargo run --release -p uzel --example lsp_latency
	cargo run --release -p uzel-runtime --example append_rate

fuzz: ## look for documents that break the reader: make fuzz seconds=600
	scripts/fuzz $(seconds)

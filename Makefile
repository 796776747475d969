# The version that the binaries report. Vault's plugin catalog wants it to be a semantic version.
VERSION ?= v0.1.0
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build test test-short bench lint quickstart dev clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the plugin and the ramp command into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/...

test: ## run every test, those on a real Vault included (the first run builds it: five minutes)
	@scripts/vault >/dev/null
	go test -race -timeout 30m $(TESTFLAGS) ./...
	scripts/fuzz

test-short: ## run the tests that need no Vault
	go test -short $(TESTFLAGS) ./...

bench: build ## measure Ramp against a no-op plugin and print the table
	scripts/bench/run

lint: ## check formatting, code, import directions and scripts
	scripts/lint

quickstart: build ## run the README's tour on a throw-away Vault
	scripts/quickstart

dev: build ## start a development Vault with Ramp and a demo contract, and leave it running
	scripts/dev

clean: ## remove what build made; the Vault built for tests stays in .cache
	rm -rf bin

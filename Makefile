# "make" lists what there is.
.DEFAULT_GOAL := help
.PHONY: help build console demo run test bench chaos lint fmt clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: console ## Build ./one-api, a static binary with the console in it
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o one-api ./cmd/one-api

console:
	@scripts/console

demo: build ## Show the whole path, from order to charge, against a simulated Kling
	./one-api demo

run: build ## Run the gateway here, with SQLite in ./data (settings: environment or .env)
	./one-api

test: console ## Run all tests: Go on SQLite, MariaDB or MySQL, PostgreSQL and Redis, and the console's in a browser
	@scripts/test

bench: build ## Measure this build under load, against a simulated Kling
	@scripts/bench

chaos: ## Kill, pause and starve this build on each database and count broken promises
	@scripts/chaos

lint: ## Check format, vet and golangci-lint
	@test -z "$$(gofmt -l cmd internal scripts)" || { gofmt -d cmd internal scripts; exit 1; }
	go vet ./...
	"$$(scripts/golangci-lint)" run

fmt: ## Format all Go files
	gofmt -w cmd internal scripts

clean: ## Remove what build and demo made; ./data and ./logs stay
	rm -rf one-api console/node_modules

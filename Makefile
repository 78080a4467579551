# Needs Go, make, bash and git. Everything else comes from the module files:
# tools/ (buf and generators), tools/lint/ (golangci-lint), tools/grpcurl/.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUF := go tool -modfile=tools/go.mod buf
LINT := go tool -modfile=tools/lint/go.mod golangci-lint
IMAGE := docs/api/stet-v1.yaml
MODULES := . bench tools tools/lint tools/grpcurl
FUZZTIME ?= 5s

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build bin/stet
	@go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/stet ./cmd/stet

.PHONY: run
run: build ## Build and start the server on ./data
	@exec bin/stet serve --data ./data

.PHONY: clean
clean: ## Remove what was built (never ./data)
	@rm -rf bin

##@ Test

.PHONY: test
test: bin/testcount ## Run all tests with the race detector, the store's also on an engine that checks itself, and count them
	@{ go test -race -timeout 30m -json ./...; \
		go test -count=1 -short -json -tags invariants -skip '^TestAllocationsOf' ./storage/pebblestore ./storage/embedded; \
		go test -count=1 -json -run '^TestAllocationsOf' \
		$$(grep -rl --include='*_test.go' '^func TestAllocationsOf' . | xargs -n 1 dirname | sort -u); } | bin/testcount

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (5s) each
	@grep -rEo '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | sed -E 's|/[^/]*:func | |' | sort -u | while read -r dir target; do \
		echo "$$dir $$target"; go test "$$dir" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); done

.PHONY: bench
bench: build ## Measure Stet beside its peers and limits into bench/RESULTS.md; BENCH="-quick" for a short run
	@cd bench && go build -o ../bin/bench . && ../bin/bench $(BENCH)

.PHONY: bench-scale
bench-scale: build ## Measure how costs grow with the log into bench/SCALE.md; SCALE="-sizes 1M,3M" for a smaller log
	@cd bench && go build -o ../bin/bench . && ../bin/bench scale $(SCALE)

.PHONY: bench-test
bench-test: ## Run the tests of the benchmark's module, with the peers
	@go -C bench vet ./... && go -C bench test -count=1 ./...
##@ Prove

SEED ?=
DURATION ?= 60m
ONLY ?=
STOP ?=
PROVE = go run ./internal/prove

.PHONY: proof
proof: ## All layers at their bars into docs/proof-latest.json; ONLY=regexp and SEED=n repeat some
	@$(PROVE) full $(if $(ONLY),-only '$(ONLY)') $(if $(SEED),-seed $(SEED))

.PHONY: soak
soak: ## Layers at random for DURATION (60m) into docs/soak-latest.json; SEED, ONLY, STOP=1 at a failure
	@$(PROVE) soak -for $(DURATION) $(if $(ONLY),-only '$(ONLY)') $(if $(SEED),-seed $(SEED)) $(if $(STOP),-stop)

.PHONY: mutants
mutants: ## Build in each of the known faults, and demand that its test notices
	@STET_MUTANTS=all go test -count=1 -v -timeout 30m -run TestEveryFaultIsNoticed ./internal/mutant

.PHONY: mutants-quick
mutants-quick: ## The same with about half of the faults, for every change
	@STET_MUTANTS=quick go test -count=1 -timeout 10m -run TestEveryFaultIsNoticed ./internal/mutant

.PHONY: bin/testcount
bin/testcount:
	@go build -o $@ ./internal/testcount

##@ Check

.PHONY: check
check: format-check vet lint proto-check generated-check arch tidy-check ## Check everything but the tests
	@echo 'check: all good'

.PHONY: format-check
format-check: ## Go formatting (gofumpt) as it should be
	@$(LINT) fmt --diff

.PHONY: vet
vet: ## go vet
	@go vet ./...

.PHONY: lint
lint: ## golangci-lint, see .golangci.yml
	@$(LINT) run

.PHONY: proto-check
proto-check: ## buf: lint, formatting, no breaking change against the released API
	@$(BUF) lint
	@$(BUF) format --diff --exit-code
	@$(BUF) breaking --against $(IMAGE)

.PHONY: generated-check
generated-check: ## gen/ is what proto/ generates
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; $(BUF) generate -o "$$out"; \
		$(BUF) build proto --as-file-descriptor-set --exclude-imports -o "$$out/reflection.binpb"; \
		diff -r "$$out/gen" gen && cmp "$$out/reflection.binpb" server/reflection.binpb || \
		{ echo 'gen/ or server/reflection.binpb is out of date: run make generate'; exit 1; }

.PHONY: arch
arch: ## ARCHITECTURE.md, doc links, budgets and docs against the code
	@go test -count=1 ./internal/archtest

.PHONY: tidy-check
tidy-check: ## go.mod and go.sum of every module as they should be
	@for m in $(MODULES); do go -C $$m mod tidy -diff || { echo "$$m/go.mod is not tidy: run make tidy"; exit 1; }; done

##@ Change

.PHONY: generate
generate: ## Generate gen/ and what reflection tells from proto/, without a network
	@$(BUF) generate
	@$(BUF) build proto --as-file-descriptor-set --exclude-imports -o server/reflection.binpb

.PHONY: format
format: ## Format Go and proto files
	@$(LINT) fmt
	@$(BUF) format --write

.PHONY: tidy
tidy: ## Tidy every module
	@for m in $(MODULES); do go -C $$m mod tidy; done

.PHONY: tools
tools: ## Fetch and compile the tools ahead of their first use
	@$(BUF) --version
	@$(LINT) version
	@go tool -modfile=tools/grpcurl/go.mod grpcurl -version

.PHONY: release-image
release-image: ## At a release only: make the present API the one that must not break
	@$(BUF) build --exclude-source-info -o $(IMAGE)

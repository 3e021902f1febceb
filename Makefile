# Everything this repository can do. "make" alone lists it.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS   += --warn-undefined-variables --no-builtin-rules

# Versions of what is not in go.mod. Envoy's hashes are in internal/envoy/fetch.go,
# the generator of the CRDs is named in manifests/, and the clients that the tests
# drive have their files in tests/e2e/clients/.
ENVOY_VERSION  ?= 1.40.0
ENVOY_VERSIONS ?= 1.40.0 1.39.3 1.38.3
TIKTOKEN       ?= 0.14.0
TIKTOKEN_LIBS  := .envoy/tiktoken-$(TIKTOKEN)
RANKS          := github.com/pkoukk/tiktoken-go-loader@v0.0.2
GOLANGCI_LINT  := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# How long the long ones take.
FUZZTIME  ?= 10s
COUNT     ?= 1
REQUESTS  ?= 5000000
TIMEOUT   ?= 14m
ARGS      ?=

# The clients that the end-to-end tests drive; nothing is installed outside the
# checkout.
CLIENTS     := tests/e2e/clients
PYTHON_LIBS := .envoy/python
NODE_LIBS   := .envoy/node
export PYTHONPATH := $(CURDIR)/$(PYTHON_LIBS)
export NODE_PATH  := $(CURDIR)/$(NODE_LIBS)/node_modules
PIP := python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts --no-compile

.PHONY: help build run test ready vet race fuzz bench drills lint fmt generate check e2e envoy python node compiler redis tokens

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

build: ## put the binary at bin/llmroute
	@go build -o bin/llmroute ./cmd/llmroute

run: build envoy ## start the gateway: sidecar, Envoy and, without keys, the embedded provider (ARGS="--config …")
	@exec bin/llmroute run $(ARGS)

# Translation is tested twice: what runs at every byte, what measures time and what
# measures memory is too slow, or means nothing, under the race detector.
test: ready ## everything that must pass: vet, unit, race, goldens, end to end with a real Envoy
	@go test -race -vet off -parallel 4 -timeout $(TIMEOUT) ./...
	go test ./translator ./translator/tokens

# What tests need, side by side: downloads wait for others, compilers do not. It has
# a recipe of its own because one that names MAKE runs in a dry run too, all of it.
ready:
	@$(MAKE) --no-print-directory -j vet envoy python node compiler redis

# With the race detector, as the tests are compiled.
vet: | compiler
	@go vet -race ./...

race: envoy python node compiler redis ## the tests with the race detector in random order, COUNT times
	@go test -race -shuffle on -count $(COUNT) -timeout 0 ./...

# Left alone, Go spends a minute of making small on each input that is new to it,
# and runs nothing else meanwhile.
fuzz: ## each fuzz target for FUZZTIME
	@grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do
	    echo "== $$target in $${file%/*}"
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$${file%/*}"
	  done
	done

bench: envoy ## measure against a processor that does nothing and against bare Envoy (ARGS are its flags)
	@go test -run '^$$' -bench 'Translated' -benchmem -benchtime 500ms ./translator
	go test -run '^$$' -bench . -benchmem -benchtime 500ms ./bench/noop
	go run ./bench $(ARGS)

e2e: envoy python node ## the end-to-end tests alone, on the Envoy of ENVOY_VERSION
	@ENVOY_VERSION=$(ENVOY_VERSION) go test -count=1 -timeout $(TIMEOUT) ./internal/envoy/... ./tests/e2e/...

drills: ## hours rather than minutes: every Envoy, REQUESTS against Envoy's own routing, long fuzzing, the races again
	@for version in $(ENVOY_VERSIONS); do
	  echo "== Envoy $$version"
	  $(MAKE) --no-print-directory e2e ENVOY_VERSION=$$version
	done
	go test -count=1 -timeout 0 ./tests/differential -differential.requests $(REQUESTS)
	go test -count=1 -timeout 0 ./tests/e2e -run TestSoak -v -soak 10m
	$(MAKE) --no-print-directory tokens
	$(MAKE) --no-print-directory fuzz FUZZTIME=5m
	$(MAKE) --no-print-directory race COUNT=5

tokens: $(TIKTOKEN_LIBS)/.done ## pack the vocabularies anew, and hold our counts of tests and of Go's sources to OpenAI's tiktoken
	@oracle() { PYTHONPATH=$(TIKTOKEN_LIBS) python3 translator/tokens/testdata/oracle.py "$$@"; }
	ranks=$$(go mod download -json $(RANKS) | sed -nE 's/.*"Dir": "(.*)".*/\1/p')/assets
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; mkdir "$$work/tests" "$$work/sources"
	oracle pack "$$ranks" translator/tokens/vocabulary
	go test ./translator/tokens -run TestCountsAsTiktokenDoes -tokens.dump "$$work/tests"
	oracle count "$$ranks" "$$work/tests" translator/tokens/testdata/counts.golden
	go test -count=1 ./translator/tokens
	n=0; while read -r file; do
	  n=$$((n + 1))
	  iconv -f UTF-8 -t UTF-8 "$$file" > "$$work/sources/$$n" 2> /dev/null || rm "$$work/sources/$$n"
	done < <(find "$$(go env GOROOT)/src" "$$(go env GOROOT)/test" -type f -size -200k)
	oracle count "$$ranks" "$$work/sources" "$$work/sources.golden"
	go test -count=1 ./translator/tokens -run TestCountsAsTiktokenDoes -tokens.corpus "$$work/sources"

lint: ## what the linters say; .golangci.yml has the reasons
	@$(GOLANGCI_LINT) run ./...

fmt: ## format
	@gofmt -w $$(git ls-files '*.go')

generate: envoy ## write what is generated: CRDs, deep copies, envoy.yaml
	@go generate ./...
	go test ./internal/envoy -run TestFilesAreRendered -update

check: generate fmt lint ## generate, format and lint, then fail if that changed anything
	@git diff --exit-code || { echo 'the changes above belong into the commit' >&2; exit 1; }

envoy: ## get the Envoy of ENVOY_VERSION into .envoy/ (ENVOY_PATH names another)
	@go run ./internal/envoy/fetch -version $(ENVOY_VERSION) > /dev/null

python: $(PYTHON_LIBS)/.done
node: $(NODE_LIBS)/.done

# --target needs no venv, which Debian packs apart, and touches no system folder.
$(PYTHON_LIBS)/.done: $(CLIENTS)/requirements.txt
	@python3 -m pip --version > /dev/null 2>&1 || { echo "the tests drive clients for Python: install Python 3.11 or newer with its pip" >&2; exit 1; }
	echo 'fetching clients for Python'
	rm -rf $(@D)
	$(PIP) --no-deps --target $(@D) --requirement $<
	touch $@

$(NODE_LIBS)/.done: $(CLIENTS)/package-lock.json
	@npm --version > /dev/null 2>&1 || { echo "the tests drive clients for Node: install Node 20 or newer with its npm" >&2; exit 1; }
	echo 'fetching clients for Node'
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $(CLIENTS)/package.json $< $(@D)
	npm ci --prefix $(@D) --loglevel=error --ignore-scripts --no-audit --no-fund
	touch $@

$(TIKTOKEN_LIBS)/.done:
	@$(PIP) --target $(@D) 'tiktoken==$(TIKTOKEN)'
	touch $@

# The race detector is linked with C.
compiler:
	@if ! command -v "$$(go env CC)" > /dev/null; then
	  echo "no C compiler ($$(go env CC)), which go test -race needs: installing gcc"
	  apt-get -qq update && apt-get -qq install -y --no-install-recommends gcc libc6-dev > /dev/null
	fi

# The shared limits are tested on a server of the tests' own. Debian's package
# would start one as a service; in this runlevel it does not. Behind the compiler,
# because Debian's packages are installed one at a time.
redis: | compiler
	@if ! command -v valkey-server redis-server > /dev/null; then
	  echo 'no redis-server, which the tests of shared limits need: installing it'
	  apt-get -qq update && RUNLEVEL=1 apt-get -qq install -y --no-install-recommends redis-server > /dev/null
	fi

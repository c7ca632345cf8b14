# make bench      compare the arms on this machine and write the report
# make help       lists everything

PROFILE ?= default
ARGS    ?=

# The race detector needs cgo and a C compiler; without them the tests run plain.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help
.PHONY: help build bench bench-aa chaos test check check-cross fmt generate bench-target bench-engine chaos-selftest examples examples-deps example-express-session example-express-jwt example-scs deps deps-dev clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

build: ## compile bin/authbench
	go build -o bin/authbench ./cmd/authbench

bench: deps build ## compare all arms; PROFILE=quick|default|full, ARGS='--rate 1000 ...'
	bin/authbench bench --profile $(PROFILE) $(ARGS)

bench-aa: deps build ## how often a difference is found that is not there, and one of 50 us that is: 20 experiments, writes docs/self-check.md (40 min, idle machine)
	bin/authbench selfcheck --output docs/self-check.md --pairs results/stat/testdata/aa-blocks.json $(ARGS)

chaos: deps build ## revocations and faults against every arm, held to its promises; PROFILE=smoke|quick|default|full
	bin/authbench run --all --profile $(PROFILE) --strict $(ARGS)

# Most of the long tests wait for servers and for clocks: four at a time, also on two cores.
test: deps ## every test, against real Redis and MySQL/MariaDB
	go test $(RACE) -timeout 30m -parallel 4 ./...

check: ## formatting, vet, staticcheck
	@unformatted=$$(go tool gofumpt -l .); if [ -n "$$unformatted" ]; then echo "not gofumpt'ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	go vet -C examples/scs ./...
	GOOS=darwin GOARCH=arm64 go vet ./loadgen/... ./results/...
	GOOS=windows GOARCH=amd64 go vet ./loadgen/... ./results/...
	GOOS=linux GOARCH=arm64 go vet ./loadgen/... ./results/...

check-cross: ## vet for the other platforms
	GOOS=darwin GOARCH=arm64 go vet ./...
	GOOS=windows GOARCH=amd64 go vet ./...
	GOOS=linux GOARCH=arm64 go vet ./...

fmt: ## format the code
	go tool gofumpt -w .

generate: ## write the JSON Schemas and the goldens anew
	go test ./results ./targets/contract ./report ./cmd/authbench -update

bench-target: build ## what our target costs over a bare fasthttp handler (needs wrk)
	scripts/bench-target.sh

bench-engine: build ## the load engine beside other tools and its own bounds; writes docs/engine.md (20 min, idle machine)
	go run ./loadgen/versus -doc docs/engine.md

chaos-selftest: deps ## plant defects and find them, 20 times each, with both cores loaded (20 min)
	AUTHBENCH_REPEAT=20 AUTHBENCH_REQUIRE=redis go test -count=1 -timeout 60m -run TestSelf -v ./scenarios

examples: deps ## all examples (examples/README.md) beside the bundled arms, in one report; ARGS='--profile default ...'
	examples/run.sh express-session express-jwt scs -- $(ARGS)

example-express-session example-express-jwt example-scs: deps ## one of them
	examples/run.sh $(@:example-%=%) -- $(ARGS)

examples-deps: ## install what the examples run on: node, npm, their packages as locked
	@scripts/deps.sh --node
	@examples/deps.sh

deps: ## install redis-server and MariaDB if they are missing
	@scripts/deps.sh

deps-dev: ## install what only development needs: node, chromium, wrk, docker.io, mmdebstrap
	@scripts/deps.sh --dev

clean: ## remove binaries and results of runs
	rm -rf bin results/runs results/latest results/examples

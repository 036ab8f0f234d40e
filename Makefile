# A thin front for CMake. Each target installs the Debian packages it misses (scripts/ensure-packages).

# Compilers and tests at a time. A compiler takes up to 1.5 GB: lower it where memory is short.
JOBS ?= $(shell nproc)
# ON makes warnings errors, as .ci/run has it.
WERROR ?= OFF
# For the binary or script that a target runs: make run ARGS="--dev.duration=20s"
ARGS ?=
# How long `make soak` runs.
SOAK_TIME ?= 5min
# How long `make chaos` lets things go wrong; peace and counting come on top.
CHAOS_TIME ?= 1h

CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy

configure = cmake --preset $(1) -DSUPERVISOR_WERROR=$(WERROR)
compile = cmake --build --preset $(1) --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help build run debug test tsan smoke format format-check lint soak chaos bench clean

help: ## this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' Makefile
	@echo 'Variables: JOBS=N  WERROR=ON  ARGS="..." (run, soak, chaos, bench)  SOAK_TIME=5min  CHAOS_TIME=1h  SKIP_PACKAGES=1'

build: ## the release build: build/workspace-supervisor and build/workspacectl
	@scripts/ensure-packages build
	$(call configure,release)
	$(call compile,release)

run: build ## build, then dev mode: a small platform and a workspace kept alive (ARGS="--dev.duration=20s")
	build/workspace-supervisor --dev $(ARGS)

debug: ## the build that is tested, with ASan and UBSan: build-debug/
	@scripts/ensure-packages build test
	$(call configure,debug)
	$(call compile,debug)

test: ## everything: format, release build and its smoke test, all tests with ASan and UBSan, some with TSan
	@scripts/ensure-packages build test format
	$(MAKE) --no-print-directory format-check
	$(MAKE) --no-print-directory smoke
	$(MAKE) --no-print-directory debug
	@# A second try where a loaded machine was too slow for a test; what fails twice fails.
	ctest --preset debug --parallel $(JOBS) --repeat until-pass:2
	$(MAKE) --no-print-directory tsan

tsan: ## the tests of the loop and of the log with ThreadSanitizer: build-tsan/
	@scripts/ensure-packages build test
	$(call configure,tsan)
	$(call compile,tsan)
	ctest --preset tsan --parallel $(JOBS)

smoke: build ## the release binary end to end: configuration check, dev mode, SIGTERM
	tests/smoke.sh build

format: ## format all C++ in place
	@scripts/ensure-packages format
	scripts/source-files | xargs -0 -r $(CLANG_FORMAT) -i

format-check: ## fail where `make format` would change something
	@scripts/ensure-packages format
	scripts/source-files | xargs -0 -r $(CLANG_FORMAT) --dry-run --Werror

lint: ## clang-tidy on all sources (minutes; advice, no gate)
	@scripts/ensure-packages build test lint
	$(call configure,debug)
	scripts/source-files cpp | xargs -0 -r -n 1 -P $(JOBS) $(CLANG_TIDY) --quiet -p build-debug

soak: debug ## every crash point, then random kills and faults for SOAK_TIME; fails when a result is lost
	python3 -B tests/crash/kill_test.py build-debug --jobs=$(JOBS)
	python3 -B tests/crash/kill_test.py build-debug --jobs=$(JOBS) --twice
	python3 -B tests/crash/disk_test.py build-debug --step=4
	CRASH_STEP=1 build-debug/actor_crash_test
	python3 -B tests/crash/soak.py build-debug --time=$(SOAK_TIME) $(ARGS)

chaos: build debug ## an hour of everything going wrong at once, on the release build (CHAOS_TIME=10min, ARGS="--seed=N")
	python3 -B tests/chaos/chaos.py build --tools=build-debug --time=$(CHAOS_TIME) $(ARGS)

bench: ## what it costs, on the release build (docs/performance.md): the table, then the parts (ARGS="--quick")
	@scripts/ensure-packages build bench
	$(call configure,release) -DSUPERVISOR_BENCH=ON
	$(call compile,release)
	bench/bench.py $(ARGS)
	build/supervisor-bench

clean: ## remove all builds
	rm -rf build build-debug build-tsan

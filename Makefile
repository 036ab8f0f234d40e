# A thin front for CMake. Each target installs the Debian packages it misses (scripts/ensure-packages).

# Compilers and tests at a time. A compiler takes up to 1.5 GB: lower it where memory is short.
JOBS ?= $(shell nproc)
# Tests at a time: most of them wait most of the time.
TEST_JOBS ?= $(shell expr 3 \* $(JOBS))
# Where CAF 1.x is installed, for builds with it; empty: Debian's CAF 0.17. docs/building.md
CAF_ROOT ?=
# The source tree of CAF that `make caf` builds.
CAF_SOURCE ?=
# ON makes warnings errors, as .ci/run has it.
WERROR ?= OFF
# OFF compiles each source alone: the first build takes twice as long, the next after a change half.
UNITY ?= ON
# For the binary or script that a target runs: make run ARGS="--dev.duration=20s"
ARGS ?=
# How long the fuzzers run altogether; or, if given, how many inputs each takes.
FUZZ_TIME ?= 60s
FUZZ_RUNS ?=
# fuzz-fast: without sanitizers, several times as many inputs in the time.
FUZZ_PRESET ?= fuzz
# How long `make soak` runs.
SOAK_TIME ?= 5min
# How long `make chaos` lets things go wrong; peace and counting come on top.
CHAOS_TIME ?= 1h

CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy

configure = cmake --preset $(1) -DSUPERVISOR_WERROR=$(WERROR) -DSUPERVISOR_UNITY=$(UNITY) \
	-DCAF_ROOT=$(abspath $(CAF_ROOT))
compile = cmake --build --preset $(1) --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help build caf run debug test tsan tsan-part fuzz coverage deb deb-test image-test kubernetes-test wheel dist smoke format format-check lint soak chaos bench clean

help: ## this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' Makefile
	@echo 'Variables: JOBS=N  WERROR=ON  UNITY=OFF  ARGS="..." (run, soak, chaos, bench)  FUZZ_TIME=60s  FUZZ_RUNS=N  SOAK_TIME=5min'
	@echo '           CHAOS_TIME=1h  SKIP_PACKAGES=1'

build: ## the release build: build/workspace-supervisor and build/workspacectl
	@scripts/ensure-packages build
	$(call configure,release)
	$(call compile,release)

caf: ## CAF 1.x from CAF_SOURCE=DIR, its core alone, into build-caf/install: make build CAF_ROOT=build-caf/install
	@scripts/ensure-packages build
	@test -f "$(CAF_SOURCE)/libcaf_core/caf/actor_system.hpp" || { echo >&2 \
	  "make caf: CAF_SOURCE=$(CAF_SOURCE) is no source tree of CAF; expected one of 1.1 or later: git clone --branch 1.1.0 https://github.com/actor-framework/actor-framework"; exit 2; }
	cmake -S "$(CAF_SOURCE)" -B build-caf -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=20 \
	  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX=$(CURDIR)/build-caf/install \
	  -DCAF_ENABLE_EXAMPLES=OFF -DCAF_ENABLE_TESTING=OFF -DCAF_ENABLE_IO_MODULE=OFF -DCAF_ENABLE_NET_MODULE=OFF \
	  -DCAF_ENABLE_OPENSSL_MODULE=OFF
	cmake --build build-caf --target install --parallel $(JOBS)

run: build ## build, then dev mode: a small platform and a workspace kept alive (ARGS="--dev.duration=20s")
	build/workspace-supervisor --dev $(ARGS)

debug: ## the build that is tested, with ASan and UBSan: build-debug/
	@scripts/ensure-packages build test
	$(call configure,debug)
	$(call compile,debug)

# What waits most of the time runs beside what compiles: the smoke test, and the suite, to which the compiler gives way.
test: ## everything: format, release build and its smoke test, all tests with ASan and UBSan, some with TSan, the fuzzers
	@scripts/ensure-packages build test format fuzz
	$(MAKE) --no-print-directory format-check
	$(MAKE) --no-print-directory build
	$(MAKE) --no-print-directory --jobs=2 smoke debug
	$(MAKE) --no-print-directory --jobs=2 suite beside-suite
	$(MAKE) --no-print-directory tsan-part
	$(MAKE) --no-print-directory fuzz

# The two of `test` that run side by side, with all built that the first needs.
.PHONY: suite beside-suite
suite:
	scripts/run-tests debug --parallel $(TEST_JOBS)

beside-suite:
	$(call configure,tsan) --log-level=WARNING
	nice -n 19 $(call compile,tsan-part) -- --quiet
	$(call configure,$(FUZZ_PRESET)) --log-level=WARNING
	nice -n 19 $(call compile,$(FUZZ_PRESET)) -- --quiet

# What ThreadSanitizer reports of any process of a test is in a file of its own: a test that passes may hide it.
tsan_reports = build-tsan/reports
define test_with_tsan
	$(call configure,tsan)
	$(call compile,$(1))
	@rm -rf $(tsan_reports) && mkdir -p $(tsan_reports)
	scripts/run-tests $(1) --parallel $(TEST_JOBS)
	@! grep -h '' $(tsan_reports)/* 2>/dev/null || { echo "ThreadSanitizer: reports, see above"; exit 1; }
endef

tsan: ## all tests with ThreadSanitizer: build-tsan/
	@scripts/ensure-packages build test
	$(call test_with_tsan,tsan)

tsan-part: ## of these the tests of the loop and of the log
	@scripts/ensure-packages build test
	$(call test_with_tsan,tsan-part)

fuzz: ## the fuzzers for FUZZ_TIME altogether, or with FUZZ_RUNS inputs each: build-fuzz/ (FUZZ_PRESET=fuzz-fast)
	@scripts/ensure-packages build fuzz
	$(call configure,$(FUZZ_PRESET))
	$(call compile,$(FUZZ_PRESET))
	tests/fuzz/fuzz.py build-$(FUZZ_PRESET) --jobs=$(JOBS) $(if $(FUZZ_RUNS),--runs=$(FUZZ_RUNS),--time=$(FUZZ_TIME)) $(ARGS)

coverage: ## how much of each room the tests run, and the lines that they do not: build-coverage/
	@scripts/ensure-packages build test coverage
	$(call configure,coverage)
	$(call compile,coverage)
	@rm -rf build-coverage/profiles
	scripts/run-tests coverage --parallel $(TEST_JOBS)
	scripts/coverage-report build-coverage

deb: ## a Debian package: build-deb/workspace-supervisor_VERSION_ARCHITECTURE.deb
	@scripts/ensure-packages build package
	$(call configure,release) -B build-deb -DSUPERVISOR_DEB=ON -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc \
	  -DSUPERVISOR_UNIT_DIR=/lib/systemd/system -DSUPERVISOR_ZSH_DIR=share/zsh/vendor-completions
	cmake --build build-deb --parallel $(JOBS)
	cd build-deb && cpack -G DEB

deb-test: deb debug ## the package, read by lintian, in a fresh Debian: installed, beating, upgraded, purged (as root)
	lintian --fail-on error build-deb/*.deb
	SUPERVISOR_BUILD=$(CURDIR)/build-debug PYTHONPATH=tests/python python3 -B tests/deploy/package.py build-deb/*.deb

image-test: build debug dist ## the steps of the container image in a fresh Debian, and the supervisor as its container (as root)
	@scripts/ensure-packages package
	SUPERVISOR_BUILD=$(CURDIR)/build-debug PYTHONPATH=tests/python python3 -B tests/deploy/image.py build-dist/*.tar.gz build

kubernetes-test: debug ## the chart and its manifests: helm, the schemas of Kubernetes, the standard "restricted"
	scripts/ensure-kubernetes-tools build-kubernetes
	KUBERNETES_TOOLS=required HELM=$$(realpath -qe build-kubernetes/bin/helm) SUPERVISOR_BUILD=$(CURDIR)/build-debug PYTHONPATH=tests/python \
	  build-kubernetes/venv/bin/python -B -m pytest -q -p no:cacheprovider tests/deploy/test_kubernetes.py

wheel: ## the Python client: build-wheel/workspace_supervisor-VERSION-py3-none-any.whl
	@scripts/ensure-packages test
	scripts/make-wheel build-wheel

dist: ## the sources as an archive that builds by itself, and its SBOM (SPDX): build-dist/
	@scripts/ensure-packages build
	scripts/make-dist build-dist

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
	cmake --preset lint
	$(call compile,lint)
	scripts/source-files cpp | xargs -0 -r -n 1 -P $(JOBS) $(CLANG_TIDY) --quiet -p build-lint

soak: debug ## every crash point, then random kills and faults for SOAK_TIME; fails when a result is lost
	python3 -B tests/crash/kill_test.py build-debug --jobs=$(JOBS)
	python3 -B tests/crash/kill_test.py build-debug --jobs=$(JOBS) --twice
	python3 -B tests/crash/disk_test.py build-debug --step=4
	CRASH_STEP=1 build-debug/actor_crash_test
	CRASH_STEP=1 build-debug/result_store_fault_test
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
	rm -rf build build-debug build-lint build-tsan build-fuzz build-fuzz-fast build-coverage build-caf build-deb build-wheel build-dist build-kubernetes

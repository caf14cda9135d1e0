# 一网 · every command of the project. `make` alone lists them; docs/operations.md says what they read.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Where an environment forbids compiled files, each of our many processes would compile all it loads again: seconds each.
unexport PYTHONDONTWRITEBYTECODE

PY      := .venv/bin/python
READY   := docker/local/bootstrap.sh
LOCAL    = PYTHONPATH=.:docker $(PY) -m local
COMPILE := .venv/bin/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal \
           --python-version 3.11 pyproject.toml
# Two at a time where order does not matter, each saying what it has to say in one piece (GNU make 4, else as it comes).
AT_ONCE  = +@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help run stop doctor install install-dev test check format-check lint types contracts unit \
        format bench chaos lock clean reset web browser pictures bench-screens

help: ## 列出全部命令 / show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ 运行 / Run it
run: ## 启动全部并播放演示城市，Ctrl-C 停止 / start everything with the demo city; Ctrl-C stops it
	@$(READY) run
	@$(LOCAL) web || echo "页面未能构建，接口照常 / the screens could not be built; the API runs without them" >&2
	@exec env PYTHONPATH=.:docker $(PY) -m local run

stop: ## 停止正在运行的系统 / stop the running system
	@$(LOCAL) stop

doctor: ## 检查本机缺什么、怎样补 / say what this machine lacks and the command that mends it
	@python=$$($(READY) python) && PYTHONPATH=.:docker "$$python" -m local doctor

web: ## 构建三个页面（源码有变时） / build the three screens where their sources changed
	@$(READY) run
	@$(LOCAL) web

install: ## 只安装运行所需的依赖 / only install what `make run` needs
	@$(READY) run

##@ 检验 / Prove it
test: install-dev ## 全部检验 / everything: format, lint, types, contracts, all tests
	$(AT_ONCE) types web browser format-check lint contracts
	@$(PY) -m pytest -n 2 --dist worksteal --durations=15 -m "not slow and not chaos"
	@$(PY) -m pytest -n 2 --dist loadfile -m "slow or chaos" --ignore=tests/browser
	@$(PY) -m pytest --durations=10 -m slow tests/browser

check: install-dev ## 一分钟内的部分 / the part that takes less than a minute
	$(AT_ONCE) unit types format-check lint contracts

bench: install-dev ## 基准测试，写入 docs/benchmarks.md / measure, as ratios, into docs/benchmarks.md
	@PYTHONPATH=.:docker $(PY) -m tests.bench

chaos: install-dev ## 长时间随机杀进程并核对账目 / the long run of kills and outages with its balance sheet
	@PYTHONPATH=.:docker $(PY) -m tests.chaos

bench-screens: install-dev browser ## 测量大屏，写入 docs/benchmarks-screens.md / measure the wall, into docs/benchmarks-screens.md
	@PYTHONPATH=.:docker $(PY) -m tests.bench.screens

pictures: install-dev browser ## 重新截取页面图片到 docs/pictures / take the pictures of the screens again
	@PYTHONPATH=.:docker $(PY) -m tests.browser.pictures

##@ 开发 / Work on it
format: install-dev ## 排版并修正可自动修正的问题 / lay out the code and mend what can be mended
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format --quiet .

lock: install-dev ## 重新锁定依赖及其校验和 / lock all packages again, with hashes
	@$(COMPILE) --group local -o requirements/run.lock
	@$(COMPILE) --group local --group dev -c requirements/run.lock -o requirements/dev.lock
	@$(COMPILE) -c requirements/run.lock -o requirements/image.lock

clean: ## 删除构建产物与缓存 / remove build products and caches
	@rm -rf .venv build dist api/web/dist api/web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

reset: ## 同上，并删除本地数据 / the same, and the local data too
	@if [ -x $(PY) ]; then $(LOCAL) reset; fi
	@$(MAKE) --no-print-directory clean

# The steps of `check` and `test`, each also alone.
browser: install-dev
	@$(LOCAL) browser >/dev/null

install-dev:
	@$(READY) dev

format-check:
	@.venv/bin/ruff format --check --quiet . || { echo "排版不一致 / layout differs → make format" >&2; exit 1; }

lint:
	@.venv/bin/ruff check --quiet .

types:
	@.venv/bin/mypy

contracts:
	@.venv/bin/lint-imports --no-logo

unit: # not told of the make around it: tests start make of their own
	@env -u MAKEFLAGS -u MAKELEVEL $(PY) -m pytest -q -n 2 --dist loadfile -m "not real and not slow and not chaos"

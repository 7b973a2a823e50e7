# A thin front of meson and ninja. `make` builds build/hinomi, build/hinomi-manager and build/hinomi-agent.
BUILD   ?= build
PREFIX  ?= /usr
MINUTES ?= 10
SEED    ?= 0
KILLS   ?= 200
DURING  ?= ingest
STORE   ?= sqlite

.PHONY: all programs bench torture torture-days torture-flips torture-backups fuzz fmt install uninstall clean
all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

# The programs alone, without tests and fuzz targets: what ./run needs.
programs: $(BUILD)/build.ninja
	ninja -C $(BUILD) hinomi hinomi-manager hinomi-kms-pkcs11 hinomi-agent $$(ninja -C $(BUILD) -t targets all | sed -n "s/^\(hinomi-tpm\|hinomi-pdf\): .*/\1/p")

$(BUILD)/build.ninja:
	@log=$$(mktemp); meson setup $(BUILD) --prefix $(PREFIX) >$$log 2>&1 || { tail -20 $$log; rm -f $$log; exit 1; }; rm -f $$log

bench: all
	bench/run $(BUILD)

torture: all
	tests/torture/run --build $(BUILD) --kills $(KILLS) --seed $(SEED) --during $(DURING) --store $(STORE)

torture-days: all
	tests/torture/days --build $(BUILD)

torture-flips: all
	tests/torture/flips --build $(BUILD)

torture-backups: all
	tests/torture/backups --build $(BUILD) --kills $(KILLS) --seed $(SEED) --store $(STORE)

fuzz:
	fuzz/run --minutes $(MINUTES)

fmt:
	find src tests fuzz bench -name '*.[ch]' -print0 | xargs -0 clang-format -i

install: all
	meson install -C $(BUILD) --no-rebuild

uninstall:
	ninja -C $(BUILD) uninstall

clean:
	rm -rf $(BUILD) build-asan build-fuzz build-tsan build-clang

/* A worker and the key service as two processes over ipc/. */
#include "keys/client.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"
#include "keys/ring.h"

#define TYPE         (HIN_IPC_TYPE_PROGRAM + 1)
#define TIMEOUT_USEC (10 * HIN_SEC_USEC)

static int be_worker(int fd)
{
    struct hin_ipc *channel = NULL;
    struct hin_index_keys index = {0};
    if (!hin_is_ok(hin_ipc_new(fd, 0, &channel))) {
        return 1;
    }
    struct hin_keys_remote remote = {channel, TYPE, TIMEOUT_USEC};
    struct hin_keys_carrier carrier = hin_keys_carrier_remote(&remote);
    struct hin_result granted =
        hin_keys_index_keys(&carrier, HIN_VIEW("t0"), HIN_VAULT_FOR_SEARCH, &index);
    struct hin_result refused = hin_keys_admin(&carrier, HIN_KEYS_TENANT_SHRED, HIN_VIEW("t0"));
    return granted.code == HIN_OK && index.keys[0].size == 32 && refused.code == HIN_DENIED ? 0 : 2;
}

static void vault_done(struct hin_vault **vault)
{
    hin_vault_free(*vault);
}

static HIN_RESULT serve_two(struct hin_vault *vault, int fd)
{
    struct hin_ipc *channel = NULL;
    HIN_TRY(hin_ipc_new(fd, 0, &channel));
    struct hin_result result = hin_ok();
    for (int i = 0; i < 2 && result.code == HIN_OK; i++) {
        struct hin_ipc_message message;
        result = hin_ipc_receive_wait(channel, TIMEOUT_USEC, &message);
        if (result.code == HIN_OK) {
            result = hin_keys_serve_message(vault, HIN_KEYS_MASK_WORKER, channel, &message);
        }
    }
    if (result.code == HIN_OK) {
        result = hin_ipc_flush_wait(channel, TIMEOUT_USEC);
    }
    hin_ipc_free(channel);
    return result;
}

TEST(test_keys_client__over_ipc_between_processes)
{
    char path[300];
    int a = -1, b = -1, status = 0;
    HIN_CLEANUP_FD int directory = -1;
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_CLEANUP(vault_done) struct hin_vault *vault = NULL;
    snprintf(path, sizeof(path), "%s/client.keyring", test_folder());
    CHECK_OK(hin_fd_open(AT_FDCWD, test_folder(), O_RDONLY | O_DIRECTORY, 0, &directory));
    CHECK_OK(hin_ring_create(AT_FDCWD, path, NULL, NULL));
    CHECK_OK(hin_ring_open(&ring, AT_FDCWD, path, NULL, NULL));
    struct hin_vault_options options = {.provider = hin_ring_provider(ring),
                                        .storage = hin_vault_storage_folder(&directory)};
    CHECK_OK(hin_vault_create(&vault, &options, "Hinomi test"));
    CHECK_OK(hin_vault_tenant_create(vault, HIN_VIEW("t0")));
    CHECK_OK(hin_ipc_pair(&a, &b));
    pid_t child = fork();
    if (child == 0) {
        close(a);
        _exit(be_worker(b));
    }
    close(b);
    CHECK(child > 0);
    CHECK_OK(serve_two(vault, a));
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Secrets that people type or hand over as a line. */
#include <stdio.h>
#include <termios.h>

#include "base/bytes.h"
#include "base/secret.h"

HIN_RESULT hin_secret_read_line(FILE *in, struct hin_secret *ret_secret)
{
    struct hin_secret line = {0};
    HIN_TRY(hin_secret_new(&line, HIN_SECRET_MAX));
    size_t size = 0;
    int byte = getc(in);
    for (; byte != EOF && byte != '\n' && size < HIN_SECRET_MAX; byte = getc(in)) {
        line.data[size++] = (uint8_t)byte;
    }
    if (size > 0 && line.data[size - 1] == '\r') {
        size--;
    }
    if (size == 0 || size == HIN_SECRET_MAX) {
        hin_secret_done(&line);
        return hin_fail(size == 0 ? HIN_NOT_FOUND : HIN_LIMIT);
    }
    line.size = size;
    *ret_secret = line;
    return hin_ok();
}

HIN_RESULT hin_secret_ask(const char *prompt, struct hin_secret *ret_secret)
{
    FILE *terminal = fopen("/dev/tty", "r+");
    HIN_ENSURE(terminal != NULL, NOT_FOUND);
    setbuf(terminal, NULL); /* no copy of the password in a buffer of stdio */
    struct termios before;
    bool changed = tcgetattr(fileno(terminal), &before) == 0;
    if (changed) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
    }
    fputs(prompt, terminal);
    struct hin_result result = hin_secret_read_line(terminal, ret_secret);
    fputs("\n", terminal);
    if (changed) {
        tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    }
    fclose(terminal);
    return result;
}

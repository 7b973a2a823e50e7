/* What the host calls its system: the text of /etc/os-release (os-release(5)). */
#ifndef HIN_AGENT_OS_RELEASE_H
#define HIN_AGENT_OS_RELEASE_H

#include "base/view.h"

#define HIN_OS_NAME_BYTES 256

/* PRETTY_NAME, at most 200 bytes of it; "Linux" when there is none. */
void hin_os_release_name(struct hin_view os_release, char ret_name[HIN_OS_NAME_BYTES]);

#endif

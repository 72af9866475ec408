/* Where a message to an address that a user gave may go: not into the network that we stand in. The
 * decision is made on the address that is connected to, not on a name. */
#ifndef MLI_REMOTE_ADDRESS_RULE_H
#define MLI_REMOTE_ADDRESS_RULE_H

#include "os/address.h"
#include <modellab/status.h>
#include <stddef.h>

enum { MLI_ADDRESS_NETWORKS = 32 };

typedef struct mli_address_network {
    mli_os_address first;
    int32_t bits;
} mli_address_network;

typedef struct mli_address_rule {
    mli_address_network allowed[MLI_ADDRESS_NETWORKS]; /* although they are special */
    size_t count;
} mli_address_rule;

/* Networks that may be reached all the same: "127.0.0.0/8, 10.1.2.3, fd00::/8"; NULL or "" = none.
 * E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_address_rule_parse(const char *text, mli_address_rule *out,
                                                           modellab_error *err);
/* Not one of the internet's own hosts: private, loopback, link-local, mapped, translated,
 * documentation, multicast, reserved ... */
bool mli_address_is_special(const mli_os_address *address);
/* May `address` be connected to? By https (`is_tls`) to any host of the internet on port 443 or
 * from 1024 on; by whatever to any port of a network that is allowed. */
bool mli_address_may(const mli_address_rule *rule, const mli_os_address *address, bool is_tls);
/* A URL that can be one: https or http, no user, no control characters, a host that is a name or a
 * whole address, a port from 1 to 65535. What is wrong even before its name is resolved is told.
 * E_INVALID_ARGUMENT, E_PERMISSION (an address or port that may not be reached). */
MODELLAB_MUST_CHECK modellab_status mli_address_check_url(const mli_address_rule *rule,
                                                          const char *url, modellab_error *err);

#endif

#include "harness.h"

#include "base/bytes.h"
#include "match/ipset.h"

TEST(test_match_ipset__one_address_has_one_form)
{
    static const struct {
        const char *text;
        const char *canonical; /* NULL: no address */
    } samples[] = {
        {"1.2.3.4", "1.2.3.4"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::FFFF:102:304", "1.2.3.4"},
        {"[fe80::1%eth0]", "fe80::1"},
        {"2001:DB8::0:1", "2001:db8::1"},
        {"::", "::"},
        {"1.2.3", NULL},
        {"1.2.3.4.5", NULL},
        {"01.2.3.4", NULL},
        {"256.1.1.1", NULL},
        {"1.2.3.4 ", NULL},
        {"host", NULL},
        {"", NULL},
        {"1.2.3.", NULL},
        {":::", NULL},
    };
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        struct hin_ip ip;
        char out[64];
        bool ok = hin_is_ok(hin_ip_parse(hin_view_from_text(samples[i].text), &ip));
        CHECK(ok == (samples[i].canonical != NULL));
        if (ok) {
            hin_ip_format(&ip, out, sizeof(out));
            CHECK_VIEW(hin_view_from_text(out), samples[i].canonical);
        }
    }
}

TEST(test_match_ipset__networks_and_exceptions)
{
    static const struct {
        const char *set;
        const char *ip;
        bool wanted;
    } samples[] = {
        {"10.0.0.0/8", "10.255.1.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3/16", "10.1.9.9", true},
        {"192.168.2.1", "192.168.2.1", true},
        {"192.168.2.1", "192.168.2.2", false},
        {"!10.0.0.1", "10.0.0.2", true},
        {"!10.0.0.1", "10.0.0.1", false},
        {"10.0.0.0/8,!10.1.0.0/16", "10.1.2.3", false},
        {"10.0.0.0/8,!10.1.0.0/16", "10.2.2.3", true},
        {"172.16. | 10.", "172.16.3.3", true},
        {"172.16. | 10.", "172.17.3.3", false},
        {"any", "::1", true},
        {"0.0.0.0/0", "1.1.1.1", true},
        {"0.0.0.0/0", "2001::1", false},
        {"::/0", "1.1.1.1", true},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"10.0.0.0/255.0.0.0", "10.9.9.9", true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"10.0.0.0/8", "not an ip", false},
        {"!10.0.0.1", "not an ip", false},
        {"1.2.3.4/32", "1.2.3.4", true},
    };
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        HIN_CLEANUP(hin_ipset_freep) struct hin_ipset *set = NULL;
        CHECK_OK(hin_ipset_parse(hin_view_from_text(samples[i].set), NULL, &set));
        if (hin_ipset_has_text(set, hin_view_from_text(samples[i].ip)) != samples[i].wanted) {
            test_fail(__FILE__, __LINE__, "%s in %s", samples[i].ip, samples[i].set);
            return;
        }
    }
}

TEST(test_match_ipset__names_the_bad_entry)
{
    static const struct {
        const char *set;
        uint32_t column;
    } samples[] = {{"10.0.0.0/33", 1},          {"1.2.3.4, host", 10}, {"", 1},         {" , ", 1},
                   {"10.0.0.0/255.0.255.0", 1}, {"fe80::/129", 1},     {"1.2.3.4/", 1}, {"!", 1}};
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        struct hin_error error = {0};
        struct hin_ipset *set = NULL;
        CHECK_CODE(hin_ipset_parse(hin_view_from_text(samples[i].set), &error, &set), SYNTAX);
        CHECK_INT(error.column, samples[i].column);
    }
}

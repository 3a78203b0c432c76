/*
 * A security key in software, for ssh-keygen -w and ssh -o SecurityKeyProvider (OpenSSH's PROTOCOL.u2f and sk-api.h).
 * The handle that the client keeps is the private key itself, so there is nothing to remember. libcrypto is linked without
 * its headers: the few functions stand here.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 0x000a0000
#define FAILED (-1)
#define ECDSA 0
/* What a key can be made to ask for, and then says: somebody was there, and it knew who. */
#define USER_PRESENT 1
#define USER_VERIFIED 4

typedef struct evp_pkey EVP_PKEY;
typedef struct evp_md EVP_MD;
typedef struct evp_md_ctx EVP_MD_CTX;
EVP_PKEY *EVP_PKEY_Q_keygen(void *, const char *, const char *, ...);
int EVP_PKEY_get_octet_string_param(EVP_PKEY *, const char *, uint8_t *, size_t, size_t *);
void EVP_PKEY_free(EVP_PKEY *);
int i2d_PrivateKey(EVP_PKEY *, uint8_t **);
EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **, const uint8_t **, long);
const EVP_MD *EVP_sha256(void);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *);
int EVP_DigestSignInit(EVP_MD_CTX *, void *, const EVP_MD *, void *, EVP_PKEY *);
int EVP_DigestSign(EVP_MD_CTX *, uint8_t *, size_t *, const uint8_t *, size_t);
uint8_t *SHA256(const uint8_t *, size_t, uint8_t *);

struct enrolled {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct signature {
    uint8_t flags;
    uint32_t counter;
    uint8_t *r;
    size_t r_len;
    uint8_t *s;
    size_t s_len;
};

static uint8_t *copy(const uint8_t *bytes, size_t length) {
    uint8_t *made = calloc(1, length);
    return made == NULL ? NULL : memcpy(made, bytes, length);
}

uint32_t sk_api_version(void) {
    return API_VERSION;
}

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
    const char *pin, void **options, struct enrolled **answer) {
    EVP_PKEY *key = algorithm == ECDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct enrolled *made = calloc(1, sizeof(*made));
    uint8_t public[128], *handle = NULL;
    int handle_len;

    (void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
    if (key == NULL || made == NULL || (handle_len = i2d_PrivateKey(key, &handle)) <= 0 ||
        EVP_PKEY_get_octet_string_param(key, "pub", public, sizeof(public), &made->public_key_len) != 1)
        return FAILED;
    made->flags = flags;
    made->public_key = copy(public, made->public_key_len);
    made->key_handle = copy(handle, handle_len);
    made->key_handle_len = handle_len;
    made->signature = copy((const uint8_t *)"none", made->signature_len = 4);
    EVP_PKEY_free(key);
    *answer = made;
    return 0;
}

/* The two numbers of an ECDSA signature in DER. */
static int split(const uint8_t *der, size_t length, struct signature *into) {
    size_t r_len, s_len;

    if (length < 8 || (r_len = der[3]) + 6 > length || (s_len = der[5 + r_len]) + r_len + 6 != length)
        return FAILED;
    into->r = copy(der + 4, into->r_len = r_len);
    into->s = copy(der + 6 + r_len, into->s_len = s_len);
    return 0;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t data_len, const char *application, const uint8_t *handle,
    size_t handle_len, uint8_t flags, const char *pin, void **options, struct signature **answer) {
    /* Hash of the application, flags, counter, hash of what is signed. */
    uint8_t message[32 + 1 + 4 + 32], raw[256];
    size_t raw_len = sizeof(raw);
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &handle, (long)handle_len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct signature *made = calloc(1, sizeof(*made));

    (void)pin, (void)options;
    if (key == NULL || context == NULL || made == NULL)
        return FAILED;
    made->flags = flags & (USER_PRESENT | USER_VERIFIED);
    made->counter = 7;
    SHA256((const uint8_t *)application, strlen(application), message);
    message[32] = made->flags;
    memcpy(message + 33, "\0\0\0\7", 4);
    SHA256(data, data_len, message + 37);
    if (EVP_DigestSignInit(context, NULL, algorithm == ECDSA ? EVP_sha256() : NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, raw, &raw_len, message, sizeof(message)) != 1)
        return FAILED;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    *answer = made;
    if (algorithm == ECDSA)
        return split(raw, raw_len, made);
    made->r = copy(raw, made->r_len = raw_len);
    return 0;
}

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
    (void)pin, (void)options, (void)keys, (void)count;
    return FAILED;
}

/* The whole program hinomi-kms-pkcs11; its main() only calls it. */
#ifndef HIN_MANAGER_KMS_PKCS11_H
#define HIN_MANAGER_KMS_PKCS11_H

int hin_kms_pkcs11_main(int argc, char **argv);

#endif

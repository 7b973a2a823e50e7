#include "manager/kms/pkcs11.h"

int main(int argc, char **argv)
{
    return hin_kms_pkcs11_main(argc, argv);
}

#include "manager/kms/tpm.h"

int main(int argc, char **argv)
{
    return hin_tpm_main(argc, argv);
}

#include "manager/main.h"

int main(int argc, char **argv)
{
    return hin_manager_main(argc, argv);
}

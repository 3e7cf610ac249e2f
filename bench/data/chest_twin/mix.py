"""How often what is seen with what: tables counted from NIH's Data_Entry_2017_v2020.csv.

The official lists (train_val_list.txt, test_list.txt) part train from test.
"""

from bench.data.published import FINDINGS

INITIALS = dict(zip("ACEIMNPX", FINDINGS, strict=True))
COLUMNS = (("train", "PA"), ("train", "AP"), ("test", "PA"), ("test", "AP"))

# Images by findings (their initials, X a pneumothorax) and COLUMNS: the 48 most frequent sets, 99.1
# % of all images; the file's six other labels do not count.
JOINT = {
    "": (36549, 17378, 5478, 6066),
    "I": (5110, 3161, 656, 2078),
    "A": (2199, 1835, 421, 618),
    "E": (2012, 1448, 520, 960),
    "N": (1877, 676, 348, 234),
    "X": (1068, 397, 781, 484),
    "M": (1302, 685, 346, 255),
    "EI": (493, 752, 163, 604),
    "AI": (439, 713, 125, 333),
    "AE": (564, 476, 207, 269),
    "C": (620, 212, 180, 204),
    "IN": (461, 248, 84, 179),
    "AEI": (240, 342, 108, 234),
    "CE": (236, 132, 77, 142),
    "EM": (272, 108, 90, 81),
    "IM": (186, 163, 67, 131),
    "EX": (204, 50, 173, 98),
    "IX": (96, 109, 94, 188),
    "MN": (241, 91, 101, 50),
    "P": (178, 127, 38, 122),
    "IP": (88, 121, 37, 129),
    "AX": (124, 61, 102, 68),
    "EN": (167, 82, 55, 25),
    "AN": (140, 64, 26, 23),
    "AM": (106, 66, 36, 36),
    "CI": (62, 53, 35, 87),
    "MX": (82, 30, 87, 38),
    "NX": (52, 16, 67, 31),
    "CEI": (35, 47, 17, 53),
    "EIN": (47, 43, 10, 51),
    "EIM": (63, 40, 14, 27),
    "AEM": (56, 32, 17, 28),
    "AEX": (46, 14, 39, 30),
    "AP": (64, 30, 22, 12),
    "AIX": (27, 20, 38, 29),
    "AC": (43, 20, 23, 26),
    "EIX": (21, 19, 23, 49),
    "AIM": (35, 33, 15, 19),
    "EMN": (48, 14, 24, 12),
    "IMN": (36, 28, 14, 19),
    "ACE": (30, 20, 20, 19),
    "EP": (31, 25, 11, 20),
    "ACEI": (14, 17, 19, 27),
    "EIP": (21, 25, 9, 21),
    "AIN": (26, 19, 9, 17),
    "AEIM": (24, 19, 10, 12),
    "AEN": (27, 16, 7, 10),
    "AEIX": (13, 9, 18, 16),
}
# Patients by number of images, 20 and more in the last place.
IMAGES = {
    "train": (
        *(16130, 3858, 1996, 1243, 859, 725, 557, 445, 342, 284),
        *(249, 188, 132, 149, 93, 87, 71, 60, 60, 480),
    ),
    "test": (1373, 255, 104, 87, 79, 62, 51, 49, 45, 36, 32, 47, 33, 32, 28, 33, 20, 17, 17, 397),
}
# Width, height and pixel spacing (mm) of the frequent originals, and how many images had them.
ORIGINALS = {
    "PA": {
        (2992, 2991, 0.143): 21959,
        (2500, 2048, 0.168): 6573 + 2661,
        (2048, 2500, 0.168): 4592 + 2603,
        (2021, 2021, 0.194311): 4263,
    },
    "AP": {
        (2500, 2048, 0.168): 23413 + 4480,
        (3056, 2544, 0.139): 13735,
        (2048, 2500, 0.168): 1225 + 235,
        (2544, 3056, 0.139): 462,
    },
}
MALE = 0.565
AGES = ((0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1), (6, 12, 24, 34, 49, 59, 68, 90))
# Odds of the next image of a patient, against chance: the same view (0.77 and 0.74 where 0.40 and
# 0.60 are AP and PA), a finding again (0.3 to 0.56 where 0.02 to 0.16 is usual), none again.
SAME_VIEW, AGAIN, STILL_NONE = 4.0, 6.0, 1.5

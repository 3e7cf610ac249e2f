"""The counts and names of the published data sets, as their label files have them."""

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)


NO_FINDING = "No Finding"


# Images of EyeQ by grade 0..4 (rows) and quality good, usable, reject (columns), counted from its
# label files (HzFu/EyeQ, Label_EyeQ_train.csv and Label_EyeQ_test.csv).
EYEQ_COUNTS = {
    "train": [[6342, 1353, 1544], [699, 103, 109], [1100, 283, 426], [167, 79, 87], [39, 58, 154]],
    "test": [
        [5967, 3200, 2195],
        [886, 359, 153],
        [1354, 721, 569],
        [199, 145, 104],
        [65, 133, 199],
    ],
}

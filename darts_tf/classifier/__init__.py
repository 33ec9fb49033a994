"""From labelled pictures to a file that runs, in a given time."""

from darts_tf.classifier.image_classifier import ImageClassifier

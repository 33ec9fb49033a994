"""Files without what they can do without: smaller, and the same network."""

import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema

from darts_tf.export import tflite


def test_names_go_and_numbers_stay(small):
    content = tflite.convert(small.saved_model, "int8", small.pixels)
    path = small.int8
    assert len(path.read_bytes()) < 0.95 * len(content)
    outputs = []
    for options in ({"model_content": content}, {"model_path": str(path)}):
        interpreter = litert.Interpreter(**options)
        interpreter.allocate_tensors()
        (source,) = interpreter.get_input_details()
        (result,) = interpreter.get_output_details()
        assert source["name"]
        interpreter.set_tensor(source["index"], small.pixels[:1])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"]))
        names = (source["name"], result["name"])
        outputs.append(names)
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert outputs[1] == outputs[3]


def test_weights_lie_where_the_format_wants_them(small):
    for path in (small.float32, small.int8):
        content = np.frombuffer(path.read_bytes(), np.uint8)
        model = schema.Model.GetRootAs(content, 0)
        beginning = content.__array_interface__["data"][0]
        places = []
        for index in range(model.BuffersLength()):
            data = model.Buffers(index).DataAsNumpy()
            if isinstance(data, np.ndarray):
                place = data.__array_interface__["data"][0]
                places.append(place - beginning)
        assert len(places) > 10
        assert all(place % 16 == 0 for place in places)
